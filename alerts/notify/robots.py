"""Robots in group chats: DingTalk, WeCom and Feishu, one kind with three descriptions (pure).

What differs stands in ``ROBOTS``: how a request is signed, how a message looks, how long it may be, which codes mean
"too fast" and "busy". Sources: open.dingtalk.com "Custom robot access" and its error codes;
developer.work.weixin.qq.com document 91770 "Group robot"; open.feishu.cn "Custom bot usage guide". All three say with a
code in the body how it went, whatever the status.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from alerts.notify import Answer, Delivered, Notice, Outcome, Refused, Request, Retry, retry_after
from alerts.notify.fit import Text, cut
from alerts.notify.hidden import Hidden
from alerts.notify.terms import TERMS
from alerts.notify.text import text_of

#: Besides every 5xx.
_RETRIED = frozenset({408, 429})
_MOST_TITLE = 100


class Signed(NamedTuple):
    """What a signature adds to a request."""

    query: Mapping[str, str]
    body: Mapping[str, str]


class Description(NamedTuple):
    """How one provider's robots work.

    ``code`` is the key of its answer that is 0 when all is well. ``again`` maps codes that will pass to the seconds to
    wait for, None = as we like. ``limits`` are (messages, seconds) a robot. ``most`` bounds what ``size`` measures.
    """

    code: str
    message: str
    again: Mapping[int, float | None]
    limits: tuple[tuple[int, int], ...]
    sign: Callable[[str, int], Signed]
    write: Callable[[Text, str], dict[str, Any]]


class _Coded(msgspec.Struct):
    errcode: int | None = None
    errmsg: str = ""
    code: int | None = None
    msg: str = ""


class Robot:
    """``HttpKind`` of one robot. ``kind`` is a key of ``ROBOTS``; without ``secret`` nothing is signed."""

    def __init__(self, *, kind: str, url: str, secret: str = "", language: str = "zh") -> None:
        if kind not in ROBOTS:
            raise ValueError(f"kind {kind!r} is no robot; allowed: {', '.join(ROBOTS)}")
        self.kind = kind
        self._robot = ROBOTS[kind]
        self._url = url
        self._secret = secret
        self._language = language
        self._hidden = Hidden(url, secret)

    def __repr__(self) -> str:
        """Tells the host only: the address holds the token."""
        return f"Robot({self.kind}, {urlsplit(self._url).hostname})"

    def request(self, notice: Notice, now: int) -> Request:
        """See ``HttpKind.request``."""
        signed = self._robot.sign(self._secret, now) if self._secret else Signed({}, {})
        url = self._url
        if signed.query:
            url += ("&" if urlsplit(url).query else "?") + urlencode(signed.query, quote_via=quote, safe="")
        message = self._robot.write(text_of(notice, self._language), notice.link)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return Request(url, headers, msgspec.json.encode({**signed.body, **message}))

    def judge(self, answer: Answer) -> Outcome:
        """See ``HttpKind.judge``."""
        robot, status = self._robot, answer.status
        said = _decoded(answer.body)
        code = None if said is None else getattr(said, robot.code)
        words = self._hidden.shown(answer.body if code is None else f"{code} {getattr(said, robot.message)}".strip())
        after = retry_after(answer.headers.get("retry-after"), answer.now)
        if code == 0 and 200 <= status < 300:
            return Delivered(status, words)
        if code is not None and code in robot.again:
            return Retry(words, status, after if after is not None else robot.again[code])
        if status in _RETRIED or status >= 500:
            return Retry(words, status, after)
        if code is None and 200 <= status < 300:
            return Retry(f"not the answer of a robot: {words}".removesuffix(": "), status)
        return Refused(words, status)


def _decoded(body: bytes) -> _Coded | None:
    try:
        return msgspec.json.decode(body, type=_Coded)
    except msgspec.MsgspecError:
        return None


def sign_dingtalk(secret: str, now: int) -> Signed:
    """HMAC-SHA256 with the secret over milliseconds, a line feed and the secret; both go into the query."""
    stamp = str(now * 1000)
    code = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    return Signed({"timestamp": stamp, "sign": base64.b64encode(code).decode()}, {})


def sign_feishu(secret: str, now: int) -> Signed:
    """HMAC-SHA256 of nothing; the key is seconds, a line feed and the secret; both go into the body."""
    code = hmac.digest(f"{now}\n{secret}".encode(), b"", hashlib.sha256)
    return Signed({}, {"timestamp": str(now), "sign": base64.b64encode(code).decode()})


def sign_nothing(_secret: str, _now: int) -> Signed:
    """WeCom signs nothing: the key in the address is all."""
    return Signed({}, {})


def _dingtalk(text: Text, link: str) -> dict[str, Any]:
    title = cut(_tame(text.title), _MOST_TITLE)
    # One line feed is none in this dialect. The whole request may have 20,000 bytes.
    head, tail = f"#### {title}\n\n", f"\n\n[{TERMS[text.language]['open']}]({link})" if link else ""
    body = _tame_text(text).body(18_000 - _json_size(head + title + tail), _json_size, "\n\n")
    return {"msgtype": "markdown", "markdown": {"title": title, "text": head + body + tail}}


def _wecom(text: Text, link: str) -> dict[str, Any]:
    head = f"**{cut(_tame(text.title), _MOST_TITLE)}**\n"
    tail = f"\n[{TERMS[text.language]['open']}]({link})" if link else ""
    body = _tame_text(text).body(4096 - len((head + tail).encode()))
    return {"msgtype": "markdown", "markdown": {"content": head + body + tail}}


def _feishu(text: Text, link: str) -> dict[str, Any]:
    title = cut(text.title, _MOST_TITLE)
    # 20 KiB are for the whole body; each line costs the frame that it stands in.
    most = 20 * 1024 - 1024 - _json_size(title + link)
    lines = text.body(most, lambda part: _json_size(part) + part.count("\n") * _FEISHU_FRAME).split("\n")
    content: list[list[dict[str, str]]] = [[{"tag": "text", "text": line}] for line in lines]
    if link:
        content.append([{"tag": "a", "text": TERMS[text.language]["open"], "href": link}])
    language = {"zh": "zh_cn", "en": "en_us"}[text.language]
    return {"msg_type": "post", "content": {"post": {language: {"title": title, "content": content}}}}


_FEISHU_FRAME = len('[{"tag":"text","text":""}],')


def _json_size(text: str) -> int:
    """Bytes of a text inside JSON."""
    return len(msgspec.json.encode(text)) - 2


def _tame(text: str) -> str:
    """Without what the providers' markdown takes for its own: names of places must not mention people or make links."""
    return text.translate(_TAME)


def _tame_text(text: Text) -> Text:
    parts = {name: tuple(map(_tame, getattr(text, name))) for name in ("head", "items", "foot")}
    return msgspec.structs.replace(text, **parts)


_TAME = str.maketrans(
    {"<": "＜", ">": "＞", "[": "［", "]": "］", "*": "＊", "`": "'", "#": "＃", "!": "！", "@": "＠"}
)

ROBOTS: Mapping[str, Description] = MappingProxyType(
    {
        # Who sends more than 20 a minute is shut out for ten minutes; asking each minute prolongs nothing.
        "dingtalk": Description("errcode", "errmsg", {-1: None, 130101: 60.0}, ((20, 60),), sign_dingtalk, _dingtalk),
        "wecom": Description("errcode", "errmsg", {-1: None, 45009: 60.0}, ((20, 60),), sign_nothing, _wecom),
        "feishu": Description("code", "msg", {11232: 5.0}, ((5, 1), (100, 60)), sign_feishu, _feishu),
    }
)
