"""The acknowledge link: looking changes nothing, the button acknowledges once, and everything else says why not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway import links, state
from gateway.api.ack import VALID_MS
from gateway.api.app import build_app
from gateway.api.services import Answer
from tests.plugins.fake_services import LINK_KEY, NOW, FakeClock, FakeServices
from tests.plugins.http_caller import Caller, Reply, in_thread, token_for

PLACE = (900, 2)
TOKEN = links.make(LINK_KEY, *PLACE)
ZH = {"accept-language": "zh-CN"}
EN = {"accept-language": "en"}
FORM = {"content-type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:8080"}


@pytest.fixture
async def link(city: FakeServices, city_caller: Caller) -> Caller:
    """Somebody with a link to al-1 that went to p-7."""
    await in_thread(send, city)
    return city_caller


def send(services: FakeServices, place: tuple[int, int] = PLACE, **row: Any) -> None:
    """A message in the outbox about al-1."""
    offset, n = place
    usual = {"channel": "sms", "event": "fired", "person": "p-7", "body": '{"id": "al-1"}', "created_at": NOW}
    services.insert(
        state.outbox, **(usual | {"offset": offset, "n": n, "state_now": "delivered", "key": f"{offset}:{n}"} | row)
    )


async def press(caller: Caller, token: str = TOKEN, **headers: str) -> Reply:
    """What a browser sends for the button."""
    return await caller.call("POST", f"/ack/{token}", FORM | ZH | headers)


async def test_looking_shows_place_value_and_since_and_changes_nothing(city: FakeServices, link: Caller) -> None:
    """As often as one likes, in both languages, with a button; nothing else of the alert is told."""
    for headers, words in (
        (ZH, ("管网末梢", "游离氯", "0.02 mg/L（下限 0.30）", "确认，我来处理")),
        (EN, ("Network end", "Free chlorine", "0.02 mg/L (lower limit 0.30)", "<button")),
    ):
        reply = await link.call("GET", f"/ack/{TOKEN}", headers)
        assert reply.status == 200
        for word in (*words, "0.02 mg/L", "2025-11-22 07:55:00"):
            assert word in reply.text, word
        for hidden in ("al-1", "wq-2", "p-7", "chlorine_free_low", "城北"):
            assert hidden not in reply.text, hidden
    assert city.commands == []


@pytest.mark.parametrize(
    ("row", "zh", "en"),
    [
        (
            {"parameter": "temperature", "parameter_unit": "degC", "value": 9.5, "limit_value": 8.0},
            "9.5 ℃（上限 8.0）",
            "9.5 ℃ (upper limit 8.0)",
        ),
        (
            {"parameter": "conductivity", "parameter_unit": "uS/cm", "value": 0.52, "limit_value": 511.0}
            | {"kind": "unit_suspect"},
            "0.52 μS/cm（此前约 511）",
            "0.52 μS/cm (before about 511)",
        ),
        (
            {"parameter": "flow", "parameter_unit": "m3/h", "value": 12.0, "limit_value": None, "kind": "stuck"},
            "12 m³/h",
            "12 m³/h",
        ),
    ],
)
async def test_the_value_is_written_as_people_write_it(
    city: FakeServices, link: Caller, row: dict[str, Any], zh: str, en: str
) -> None:
    """With the unit's marks, and with the limit and its side where there is one."""
    place = (902, 0)
    await in_thread(city.alert, "al-9", "wq-2", **row)
    await in_thread(send, city, place, body='{"id": "al-9"}')
    for headers, words in ((ZH, zh), (EN, en)):
        assert f"<b>{words}</b>" in (await link.call("GET", f"/ack/{links.make(LINK_KEY, *place)}", headers)).text


async def test_the_head_of_a_preview_does_no_harm(city: FakeServices, link: Caller) -> None:
    """HEAD answers like GET and changes nothing; nobody may keep or pass on the page."""
    reply = await link.call("HEAD", f"/ack/{TOKEN}")
    assert reply.status == 200
    assert city.commands == []
    assert reply.header("cache-control") == "no-store"
    assert reply.header("referrer-policy") == "same-origin"
    assert "script-src 'self'" in (reply.header("content-security-policy") or "")


async def test_the_button_acknowledges_as_the_person_of_the_message(city: FakeServices, link: Caller) -> None:
    """By the command that everybody uses, with the row that carried the link."""
    reply = await press(link)
    assert reply.status == 200
    assert "已确认" in reply.text
    args = {"id": "al-1", "by": "person:p-7", "link": [900, 2]}
    assert city.commands == [("alerts.ack", args, "person:p-7")]


async def test_it_works_beyond_loopback_without_signing_in(city: FakeServices, wall: FakeClock) -> None:
    """The one exception; everything else stays shut."""
    city.settings = city.settings.model_copy(
        update={"http": city.settings.http.model_copy(update={"listen": "0.0.0.0:8080"})}
    )
    await in_thread(send, city)
    outside = Caller(build_app(city, wall), peer="203.0.113.9", host="water.example")
    assert (await outside.get("/api/v1/alerts/al-1")).status == 401
    assert (await outside.get(f"/ack/{TOKEN}")).status == 200
    assert (await press(outside, origin="http://water.example")).status == 200
    assert len(city.commands) == 1


@pytest.mark.parametrize(
    ("row", "status", "words"),
    [
        pytest.param({"created_at": NOW - VALID_MS}, 410, "链接已过期", id="a day old"),
        pytest.param({"created_at": NOW - VALID_MS + 1}, 200, "确认报警", id="a moment before"),
        pytest.param({"body": '[{"id": "al-1"}, {"id": "al-2"}]'}, 409, "包含多条报警", id="a digest"),
        pytest.param({"body": '[{"id": "al-1"}]'}, 200, "确认报警", id="a list of one"),
        pytest.param({"person": ""}, 409, "不是发给个人的", id="a group"),
        pytest.param({"body": '{"id": "gone"}'}, 404, "链接无效", id="an alert that is not there"),
    ],
)
async def test_a_link_that_cannot_be_used_says_why(
    city: FakeServices, link: Caller, row: dict[str, Any], status: int, words: str
) -> None:
    """Before the button and after it, and no command is given."""
    place = (901, 0)
    await in_thread(send, city, place, **row)
    token = links.make(LINK_KEY, *place)
    reply = await link.call("GET", f"/ack/{token}", ZH)
    assert (reply.status, words in reply.text) == (status, True), reply.text
    assert (await press(link, token)).status == status
    assert len(city.commands) == (1 if status == 200 else 0)


async def test_a_used_link_shows_nothing_any_more(city: FakeServices, link: Caller) -> None:
    """410 in both languages; the alert is not shown to whoever finds the message later."""
    await in_thread(city.insert, state.links, offset=900, n=2, used_by=950)
    for headers, words in ((ZH, "链接已经用过"), (EN, "This link was used")):
        reply = await link.call("GET", f"/ack/{TOKEN}", headers)
        assert reply.status == 410
        assert words in reply.text
        assert "0.02" not in reply.text
    assert (await press(link)).status == 410
    assert city.commands == []


@pytest.mark.parametrize(
    ("row", "words"),
    [({"state": "acknowledged", "acknowledged_by": "person:p-8"}, "已有人确认"), ({"state": "closed"}, "已结束")],
)
async def test_what_somebody_else_took_is_not_taken_again(
    city: FakeServices, link: Caller, row: dict[str, Any], words: str
) -> None:
    """409, and who it was is not told."""
    await in_thread(change, city, row)
    reply = await link.call("GET", f"/ack/{TOKEN}", ZH)
    assert (reply.status, words in reply.text, "p-8" in reply.text) == (409, True, False)
    assert (await press(link)).status == 409
    assert city.commands == []


def change(services: FakeServices, row: dict[str, Any]) -> None:
    """Another state of al-1."""
    with services.engine.begin() as connection:
        connection.execute(state.alerts.update().where(state.alerts.c.id == "al-1").values(row))


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (Answer(409, {"reason": "alert al-1 is <b>held</b>"}, 9), 409, "&lt;b&gt;held"),
        (Answer(422, {"reason": "by: no such person"}, None), 409, "no such person"),
        (Answer(202, {}, 9), 202, "已提交"),
    ],
)
async def test_a_refusal_is_told_in_its_own_words(
    city: FakeServices, link: Caller, answer: Answer, status: int, words: str
) -> None:
    """Escaped: they may hold what somebody wrote."""
    city.answer = answer
    reply = await press(link)
    assert (reply.status, words in reply.text) == (status, True), reply.text


@pytest.mark.parametrize("token", ["nothing", TOKEN[:-1], TOKEN[:-2] + "AA", links.make(b"x" * 32, *PLACE)])
async def test_a_token_that_nobody_made_is_unknown(city: FakeServices, link: Caller, token: str) -> None:
    """404 for looking and pressing."""
    assert (await link.call("GET", f"/ack/{token}", ZH)).status == 404
    assert (await press(link, token)).status == 404
    assert city.commands == []


async def test_who_tries_tokens_waits_and_keeps_nobody_else_from_using_one(
    city: FakeServices, link: Caller, wall: FakeClock
) -> None:
    """After some tries 429 with Retry-After; a token that is right is never slowed down, nor is signing in."""
    tried = [(await link.call("GET", f"/ack/{index:038}", ZH)).status for index in range(7)]
    assert tried[:5] == [404] * 5
    assert tried[-1] == 429
    reply = await link.call("GET", "/ack/again", ZH)
    assert reply.status == 429
    assert int(reply.header("retry-after") or 0) >= 1
    assert "请稍后再试" in reply.text
    assert (await link.call("GET", f"/ack/{TOKEN}", ZH)).status == 200
    assert (await link.post("/api/v1/login", {"name": "x", "password": "y"})).status == 401
    wall.now += 3_600_000
    assert (await link.call("GET", "/ack/again", ZH)).status == 404


@pytest.mark.parametrize("headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}])
async def test_another_page_cannot_press_the_button(city: FakeServices, link: Caller, headers: dict[str, str]) -> None:
    """Even one that knows the token."""
    assert (await press(link, **headers)).status == 403
    assert city.commands == []


async def test_what_a_place_is_called_is_never_read_as_html(city: FakeServices, link: Caller) -> None:
    """Names come out of files that somebody wrote."""
    place = {"id": "wtp-1-end", "unit": "wtp-1", "name": {"zh": "<script>x</script>"}, "kind": "network_end"}
    await in_thread(city.register, places=[place])
    reply = await link.call("GET", f"/ack/{TOKEN}", ZH)
    assert "&lt;script&gt;x" in reply.text
    assert "<script" not in reply.text


async def test_no_caller_of_the_api_may_pass_for_a_link_or_another_person(city: FakeServices, link: Caller) -> None:
    """`link` is nobody's, `by` is for who may manage."""
    link.token = await in_thread(token_for, city, "officer")
    for args in ({"id": "al-1", "link": [900, 2]}, {"id": "al-1", "by": "person:p-8"}):
        reply = await link.post("/api/v1/commands", {"command": "alerts.ack", "args": args})
        assert reply.status == 403, json.dumps(args)
    assert city.commands == []
    link.token = await in_thread(token_for, city, "manager")
    by = {"id": "al-1", "by": "person:p-8"}
    assert (await link.post("/api/v1/commands", {"command": "alerts.ack", "args": by})).status == 200
