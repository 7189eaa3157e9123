"""A configured SMS platform: how values are escaped, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.notify import Answer, Delivered, Notice, Outcome, Refused, Request, Retry, Words
from alerts.notify.hidden import discreet
from alerts.notify.http_form import HttpForm, without_links
from tests.support.notices import PERSON, PHONE, TOLD, digest, fired

#: 2024-11-21 22:40:05 in Shanghai.
NOW = 1_732_200_005
AWKWARD = '泵房 & <"1\\2"> 100%+'


def request_of(notice: Notice | None = None, **form: Any) -> Request:
    """What is sent."""
    built = HttpForm(url=form.pop("url", "http://sms.example/send"), **form).request(notice or awkward(), NOW)
    assert isinstance(built, Request)
    return built


def awkward() -> Notice:
    """A place whose name holds what every format escapes."""
    return fired(PERSON, told=msgspec.structs.replace(TOLD, place=Words(AWKWARD, AWKWARD)))


def judged(status: int, body: str, **form: Any) -> Outcome:
    """What an answer means."""
    one = HttpForm(url="http://sms.example/send", **form)
    return one.judge(Answer(status, {}, body.encode(form.get("charset", "utf-8")), NOW))


@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb18030"])
def test_a_form_is_escaped_in_its_charset(charset: str) -> None:
    """The platform reads the very text again, and no value adds a field."""
    request = request_of(body="u=a&m={phone}&c={text}&t={title}", charset=charset)
    form = parse_qs(request.body.decode("ascii"), encoding=charset)
    assert set(form) == {"u", "m", "c", "t"}
    assert form["m"] == [PHONE]
    assert form["c"][0].startswith(f"重要报警：{AWKWARD} 游离氯低于限值")
    assert request.headers == {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    assert request.method == "POST"


def test_json_is_escaped_and_its_own_braces_stay() -> None:
    """Only the seven names in braces are placeholders."""
    body = '{"a": {"phone": "{phone}"}, "content": "{text}", "x": "{other}", "id": "{id}"}'
    request = request_of(body=body, content_type="application/json")
    document = json.loads(request.body)
    assert document["a"] == {"phone": PHONE}
    assert document["content"].startswith(f"重要报警：{AWKWARD}")
    assert document["x"] == "{other}"
    assert document["id"] == awkward().key


def test_xml_is_escaped() -> None:
    """In elements and in attributes."""
    body = "<sms to='{phone}' title=\"{title}\"><text>{text}</text></sms>"
    root = ET.fromstring(request_of(body=body, content_type="text/xml", charset="gbk").body.decode("gbk"))
    assert AWKWARD in root.attrib["title"]
    assert AWKWARD in (root.findtext("text") or "")


def test_an_address_may_hold_everything() -> None:
    """GET platforms: the values are escaped for a query in the charset, what stands there stays."""
    url = "http://sms.example/send?user=u&pw=a%2Bb&to={phone}&msg={text}&at={stamp}&n={unix}"
    request = request_of(url=url, method="GET", charset="gbk")
    query = dict(parse_qsl(urlsplit(request.url).query, encoding="gbk"))
    assert query["pw"] == "a+b"
    assert query["to"] == PHONE
    assert AWKWARD in query["msg"]
    assert (query["at"], query["n"]) == ("20241121224005", str(NOW))
    assert (request.method, request.body) == ("GET", b"")
    assert request.url.isascii()


def test_a_value_in_a_header_stays_one_header() -> None:
    """No value ends a line of the request."""
    notice = msgspec.structs.replace(awkward(), key="k\r\nX-Other: 1")
    assert request_of(notice, headers={"X-Id": "{id}", "X-At": "{time}"}).headers == {
        "X-Id": "k  X-Other: 1",
        "X-At": "2024-11-21 22:40:05",
    }


@settings(deadline=None)
@given(name=st.text(min_size=1), key=st.text())
def test_whatever_a_place_is_called_the_platform_reads_one_message(name: str, key: str) -> None:
    """No name of a place adds a field, breaks JSON or XML, or ends the line; the formats agree on what was said."""
    place = msgspec.structs.replace(TOLD, place=Words(name.encode("utf-8", "replace").decode(), ""))
    notice = msgspec.structs.replace(fired(PERSON, told=place), key=key.encode("utf-8", "replace").decode())
    form = parse_qs(request_of(notice, body="a={text}&b={id}&c=1").body.decode("ascii"), keep_blank_values=True)
    as_json = request_of(notice, body='{"a":"{text}","b":"{id}","c":"1"}', content_type="application/json")
    as_xml = request_of(notice, body="<r><a>{text}</a><b>{id}</b><c>1</c></r>", content_type="text/xml")
    document = json.loads(as_json.body)
    assert set(form) == set(document) == {"a", "b", "c"}
    assert form["a"] == [document["a"]] == [ET.fromstring(as_xml.body.decode()).findtext("a")]
    assert "\n" not in document["a"]


@pytest.mark.parametrize("phone", ["138 0013 8000", "138-0013-8000", "（138）00138000", "１３８００１３８０００"])
def test_numbers_are_sent_as_providers_want_them(phone: str) -> None:
    """However the registry writes them, and none stands in the words."""
    person = msgspec.structs.replace(PERSON, phone=phone)
    assert request_of(fired(person), body="{phone}", content_type="text/plain").body == b"13800138000"
    assert discreet(Refused(f"bad number 13800138000 ({phone})"), person) == Refused("bad number *** (***)")


def test_characters_that_a_charset_lacks_become_question_marks() -> None:
    """GBK has no emoji: the rest still arrives."""
    notice = fired(PERSON, told=msgspec.structs.replace(TOLD, place=Words("泵房🚰", "")))
    form = parse_qs(request_of(notice, body="c={text}", charset="gbk").body.decode("ascii"), encoding="gbk")
    assert "泵房?" in form["c"][0]


def test_a_text_is_cut_to_what_platforms_take() -> None:
    """By characters, with an ellipsis; a digest says its count first."""
    request = request_of(digest(2000, PERSON), body="{text}", content_type="text/plain", most=60)
    text = request.body.decode()
    assert len(text) == 60
    assert text.startswith("报警汇总：共2000条（紧急 20，一般 1980）")
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("看 https://x.example/a?b=c 吧", "看 吧"),
        ("见www.example.cn。后", "见。后"),
        ("泵房ftp://x/y游离氯", "泵房游离氯"),
        ("A\nB\tC", "A B C"),
        ("没有", "没有"),
        ("HTTP://X", ""),
    ],
)
def test_links_are_taken_out_and_nothing_else(text: str, plain: str) -> None:
    """A provider refuses, or a carrier drops, an SMS with a link."""
    assert without_links(text) == plain


@pytest.mark.parametrize(
    ("success", "status", "body", "taken"),
    [
        ("status < 300", 204, "", True),
        ("status < 300", 302, "", False),
        ("status = 200", 201, "", False),
        ({"status": [200, 201]}, 201, "", True),
        ({"status": 200}, 200, "", True),
        ("$.code = 0", 200, '{"code": 0}', True),
        ("$.code = 0", 200, '{"code": "0"}', True),
        ("$.code = 0", 200, '{"code": "00"}', False),
        ("$.code = 0", 200, "not JSON", False),
        ("$.ok = true", 200, '{"ok": true}', True),
        ("$ = 0", 200, "0", True),
        ({"json": {"path": "$.r[0].s", "equals": ["DELIVRD", "ACCEPTD"]}}, 200, '{"r": [{"s": "ACCEPTD"}]}', True),
        ({"json": {"path": "$.r[1].s", "equals": "x"}}, 200, '{"r": [{"s": "x"}]}', False),
        ({"json": {"path": "$.n", "equals": None}}, 200, '{"n": null}', True),
        ({"json": {"path": "$.m", "equals": None}}, 200, '{"n": null}', False),
        ({"status": [200], "contains": "成功"}, 200, "<m>提交成功</m>", True),
        ({"status": [200], "contains": "成功"}, 500, "<m>提交成功</m>", False),
        ("contains OK and status = 200", 200, "OK,17", True),
        ("status = 200 and contains 'OK,'", 200, "OK 17", False),
        (r"matches ^\d{6,}$", 200, "12345678", True),
        (r"matches ^\d{6,}$", 200, "-3", False),
        ("", 200, "", False),
    ],
)
def test_a_condition_says_what_was_taken(success: str | dict[str, Any], status: int, body: str, taken: bool) -> None:
    """By status, a path of JSON, a part of the text, or a pattern; all parts together."""
    assert isinstance(judged(status, body, success=success), Delivered) is taken


@pytest.mark.parametrize(
    ("where", "body", "words"),
    [
        ("$.data[0].id", '{"data": [{"id": 8801}]}', "8801"),
        ("$.data.id", '{"data": {}}', '{"data": {}}'),
        (r"<msgid>(\w+)</msgid>", "<r><msgid>m17</msgid></r>", "m17"),
        (r"^OK,(\d+)", "OK,99", "99"),
        ("", "OK", "OK"),
    ],
)
def test_the_providers_id_is_what_stands_in_the_outcome(where: str, body: str, words: str) -> None:
    """Where it cannot be found, the answer itself does."""
    assert judged(200, body, id=where) == Delivered(200, words)


def test_what_is_not_taken_is_tried_again_or_refused() -> None:
    """The platform's own code for too fast, and what HTTP says; all else is final."""
    form = {"success": "$.code = 0", "retry": "$.code = 9"}
    assert judged(200, '{"code": 9}', **form) == Retry('{"code": 9}', 200)
    assert judged(200, '{"code": 4}', **form) == Refused('{"code": 4}', 200)
    assert judged(503, "down", **form) == Retry("down", 503)
    assert judged(429, "", **form) == Retry("", 429)
    assert judged(404, "", **form) == Refused("", 404)


def test_answers_are_read_in_the_platforms_charset() -> None:
    """Its words can be read in the journal."""
    assert judged(200, "余额不足", charset="gbk", success="contains 成功") == Refused("余额不足", 200)


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"content_type": "text/html"}, "content_type 'text/html' is not known; allowed: "),
        ({"success": "code == 0"}, "'code == 0' is no condition; allowed: status, json, contains, matches"),
        ({"success": "matches ("}, "is no regular expression"),
        ({"success": {"body": "x"}}, "body = 'x' is no condition"),
        ({"retry": {"json": {"path": "code", "equals": 1}}}, "'code' is no path; allowed: "),
        ({"retry": {"json": {"path": "$.code"}}}, "is no condition"),
        ({"id": "OK"}, "id 'OK' has no group"),
        ({"id": "$..x"}, "'$..x' is no path"),
    ],
)
def test_a_fault_of_the_configuration_says_what_is_allowed(form: dict[str, Any], fault: str) -> None:
    """At once, not when the first alert is to be told."""
    with pytest.raises(ValueError, match=r"allowed|regular") as raised:
        HttpForm(url="http://h/x", **form)
    assert fault in str(raised.value)


def test_nothing_is_evaluated() -> None:
    """A text that would be a program is only compared."""
    success = "contains __import__('os').abort()"
    assert isinstance(judged(200, "__import__('os').abort()", success=success), Delivered)


def test_a_broadcast_needs_no_number() -> None:
    """A platform that knows its receivers itself."""
    assert request_of(fired(), body="c={text}").body
    assert HttpForm(url="http://h/x", body="m={phone}").request(fired(), NOW) == Refused(
        "the person has no phone number"
    )


def test_secrets_of_address_headers_and_body_are_never_shown() -> None:
    """Whatever the platform quotes."""
    form = HttpForm(
        url="http://h.example/x?key=secret-of-url",
        headers={"Authorization": "Bearer secret-of-header"},
        body='{"password": "secret-of-body", "to": "{phone}"}',
        content_type="application/json",
    )
    quoting = b"no: secret-of-url, secret-of-header, secret-of-body"
    assert form.judge(Answer(400, {}, quoting, NOW)) == Refused("no: ***, ***, ***", 400)
    assert repr(form) == "HttpForm(POST, h.example)"
