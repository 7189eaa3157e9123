"""The requests of the three robots and what they make of answers, without any network."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from alerts.notify import Answer, Delivered, Notice, Outcome, Refused, Request, Retry, Words
from alerts.notify.robots import ROBOTS, Robot, sign_dingtalk, sign_feishu
from tests.support.notices import LINK, TOLD, digest, fired

NOW = 1_732_200_000
URLS = {
    "dingtalk": "https://oapi.dingtalk.com/robot/send?access_token=token-of-dingtalk",
    "wecom": "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=key-of-wecom",
    "feishu": "https://open.feishu.cn/open-apis/bot/v2/hook/hook-of-feishu",
}


def robot(kind: str, secret: str = "SEC123", language: str = "zh") -> Robot:
    """A robot of a kind."""
    return Robot(kind=kind, url=URLS[kind], secret=secret, language=language)


def sent(kind: str, notice: Notice, language: str = "zh") -> tuple[Request, dict[str, Any]]:
    """A request and its document."""
    request = robot(kind, language=language).request(notice, NOW)
    return request, json.loads(request.body)


def judged(kind: str, status: int, body: bytes, **headers: str) -> Outcome:
    """What an answer means."""
    return robot(kind).judge(Answer(status, headers, body, NOW))


def test_the_signatures_are_those_that_openssl_computes() -> None:
    r"""By hand: printf '1732200000000\nSEC123' | openssl dgst -sha256 -hmac SEC123 -binary | base64, and alike."""
    assert sign_dingtalk("SEC123", NOW).query == {
        "timestamp": "1732200000000",
        "sign": "4aBaZuAk3jUTnSjjLiTZkMN/9sxDbMAU0ISdom1tw9o=",
    }
    assert sign_feishu("secret", NOW).body == {
        "timestamp": "1732200000",
        "sign": "wik+GbnnawOkRA/rL2ZCJhXDMSe9X6DQF6mSBhehroY=",
    }


def test_dingtalk_gets_markdown_and_its_signature_in_the_query() -> None:
    """The token that is there stays, and what base64 has beyond letters is escaped."""
    request, document = sent("dingtalk", fired())
    query = dict(parse_qsl(urlsplit(request.url).query))
    assert query == {"access_token": "token-of-dingtalk", **sign_dingtalk("SEC123", NOW).query}
    assert "+" not in request.url
    assert document["msgtype"] == "markdown"
    assert document["markdown"]["title"] == "【重要报警】城北水厂出厂水 游离氯低于限值"
    assert "\n\n数值：0.11 mg/L（限值 0.30）\n\n" in document["markdown"]["text"]
    assert document["markdown"]["text"].endswith(f"[查看并处置]({LINK})")


def test_wecom_gets_markdown_and_no_signature() -> None:
    """The key in its address is all that it has."""
    request, document = sent("wecom", fired())
    assert request.url == URLS["wecom"]
    assert document["msgtype"] == "markdown"
    assert document["markdown"]["content"].startswith("**【重要报警】城北水厂出厂水 游离氯低于限值**\n等级：重要\n")


def test_feishu_gets_a_post_and_its_signature_in_the_body() -> None:
    """One line a paragraph, the link as a link."""
    request, document = sent("feishu", fired())
    assert request.url == URLS["feishu"]
    assert {name: document[name] for name in ("timestamp", "sign")} == sign_feishu("SEC123", NOW).body
    post = document["content"]["post"]["zh_cn"]
    assert post["title"] == "【重要报警】城北水厂出厂水 游离氯低于限值"
    assert [{"tag": "text", "text": "等级：重要"}] in post["content"]
    assert post["content"][-1] == [{"tag": "a", "text": "查看并处置", "href": LINK}]


@pytest.mark.parametrize("kind", sorted(ROBOTS))
def test_a_robot_of_an_english_group_speaks_english(kind: str) -> None:
    """Title, lines and the words of the link."""
    request, _ = sent(kind, fired(), "en")
    text = request.body.decode()
    assert "North Works outlet: Free chlorine below the limit" in text
    assert "Open and handle" in text
    assert "城北" not in text


@pytest.mark.parametrize("kind", sorted(ROBOTS))
def test_without_a_link_there_is_none(kind: str) -> None:
    """As for a test message."""
    request, _ = sent(kind, msgspec.structs.replace(fired(), link=""))
    assert "http" not in request.body.decode()


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_without_a_secret_nothing_is_signed(kind: str) -> None:
    """The group asks for a keyword or an address instead."""
    request = robot(kind, secret="").request(fired(), NOW)
    assert "sign" not in request.url
    assert b'"sign"' not in request.body


@pytest.mark.parametrize(("kind", "most"), [("dingtalk", 20_000), ("wecom", 4096), ("feishu", 20 * 1024)])
@pytest.mark.parametrize("count", [1, 40, 2000])
def test_a_message_has_at_most_the_bytes_that_the_provider_takes(kind: str, most: int, count: int) -> None:
    """Names of places full of what JSON escapes; a long list fills what there is."""
    notice = digest(count)
    context = msgspec.json.decode(notice.context)
    for told in context["told"]:
        told["place"]["zh"] = '泵房"\\"'
    request, document = sent(kind, msgspec.structs.replace(notice, context=msgspec.json.encode(context)))
    size = len(document["markdown"]["content"].encode()) if kind == "wecom" else len(request.body)
    assert size <= most
    assert count < 2000 or size > 0.8 * most


@pytest.mark.parametrize("kind", ["dingtalk", "wecom"])
def test_the_name_of_a_place_cannot_mention_people_or_make_links(kind: str) -> None:
    """What the markdown of the providers takes for its own is written in another way."""
    place = Words("泵房<@all>[x](http://evil.example)**`#", "")
    _, document = sent(kind, fired(told=msgspec.structs.replace(TOLD, place=place)))
    text = "".join(document["markdown"].values())
    assert not any(mark in text.removeprefix("#### ") for mark in ("<@", "[x](", "`"))


@pytest.mark.parametrize(
    ("kind", "status", "body", "outcome"),
    [
        ("dingtalk", 200, b'{"errcode":0,"errmsg":"ok"}', Delivered(200, "0 ok")),
        ("dingtalk", 200, b'{"errcode":130101,"errmsg":"send too fast"}', Retry("130101 send too fast", 200, 60.0)),
        ("dingtalk", 200, b'{"errcode":-1,"errmsg":"busy"}', Retry("-1 busy", 200)),
        ("dingtalk", 200, b'{"errcode":310000,"errmsg":"sign not match"}', Refused("310000 sign not match", 200)),
        ("dingtalk", 200, b'{"errcode":300001,"errmsg":"no token"}', Refused("300001 no token", 200)),
        ("wecom", 200, b'{"errcode":0,"errmsg":"ok"}', Delivered(200, "0 ok")),
        ("wecom", 200, b'{"errcode":45009,"errmsg":"freq"}', Retry("45009 freq", 200, 60.0)),
        ("wecom", 200, b'{"errcode":93000,"errmsg":"invalid webhook url"}', Refused("93000 invalid webhook url", 200)),
        ("feishu", 200, b'{"code":0,"msg":"success"}', Delivered(200, "0 success")),
        ("feishu", 400, b'{"code":11232,"msg":"frequency limited"}', Retry("11232 frequency limited", 400, 5.0)),
        ("feishu", 200, b'{"code":19021,"msg":"sign match fail"}', Refused("19021 sign match fail", 200)),
        ("feishu", 400, b'{"code":9499,"msg":"Bad Request"}', Refused("9499 Bad Request", 400)),
        ("wecom", 200, b"<html>log in</html>", Retry("not the answer of a robot: <html>log in</html>", 200)),
        ("wecom", 200, b"", Retry("not the answer of a robot", 200)),
        ("wecom", 200, b'{"ok":true}', Retry('not the answer of a robot: {"ok":true}', 200)),
        ("wecom", 404, b"", Refused("", 404)),
        ("wecom", 302, b"", Refused("", 302)),
        ("wecom", 502, b"bad", Retry("bad", 502)),
        ("wecom", 429, b"", Retry("", 429)),
    ],
)
def test_answers_mean_what_the_documentation_says(kind: str, status: int, body: bytes, outcome: Outcome) -> None:
    """The code in the body decides; without one the status does."""
    assert judged(kind, status, body) == outcome


def test_a_wait_that_the_receiver_asks_for_goes_before_ours() -> None:
    """Retry-After beside a code."""
    headers = {"retry-after": "7"}
    answer = Answer(200, headers, b'{"errcode":45009,"errmsg":"x"}', NOW)
    assert robot("wecom").judge(answer) == Retry("45009 x", 200, 7.0)


@pytest.mark.parametrize("kind", sorted(ROBOTS))
def test_neither_token_nor_secret_is_ever_shown(kind: str) -> None:
    """Not by the object, not by words that quote them."""
    one = robot(kind, secret="SEC-very-secret")
    token = {"dingtalk": "token-of-dingtalk", "wecom": "key-of-wecom", "feishu": "hook-of-feishu"}[kind]
    quoting = b'{"errcode":7,"code":7,"errmsg":"%b SEC-very-secret","msg":"%b SEC-very-secret"}'
    words = one.judge(Answer(200, {}, quoting % (token.encode(), token.encode()), NOW)).words
    assert words == "7 *** ***"
    assert not any(secret in repr(one) for secret in (token, "SEC-very-secret"))


def test_an_unknown_kind_is_named_with_those_that_are_allowed() -> None:
    """A fault of the configuration."""
    with pytest.raises(ValueError, match="'slack' is no robot; allowed: dingtalk, wecom, feishu"):
        Robot(kind="slack", url="https://h/x")
