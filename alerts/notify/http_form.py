"""Any SMS platform that takes an HTTP request, as those of governments do: all of it is configured (pure).

Placeholders in address, headers and body: ``{phone}`` ``{text}`` ``{title}`` ``{id}`` (the notice's key) ``{time}``
(local, ``2026-11-22 16:03:05``) ``{stamp}`` (the same as 14 digits) ``{unix}`` (seconds). Their values are escaped for
where they stand; every other brace is left as it is. ``{text}`` is one line without a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit
from xml.sax.saxutils import escape

import msgspec

from alerts.notify import Answer, Context, Delivered, Notice, Outcome, Refused, Request, Retry, retry_after
from alerts.notify.answers import condition_of, finder_of, said
from alerts.notify.figures import local_time
from alerts.notify.fit import cut
from alerts.notify.hidden import Hidden
from alerts.notify.text import text_of

VARIABLES = ("phone", "text", "title", "id", "time", "stamp", "unix")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(VARIABLES) + r")\}")
_RETRIED = frozenset({408, 429})
#: An SMS of 500 characters is sent in eight parts; platforms refuse longer ones.
MOST_TEXT = 500
#: Chinese text has no spaces, so a link ends where its ASCII does.
_LINK = re.compile(r"(?:[a-z]+://|www\.)[!-~]*", re.IGNORECASE)


class HttpForm:
    """``HttpKind`` of a platform. Conditions are those of ``alerts.notify.answers``. Raises ValueError on faults."""

    def __init__(
        self,
        *,
        url: str,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        body: str = "",
        content_type: str = "application/x-www-form-urlencoded",
        charset: str = "utf-8",
        success: str | Mapping[str, Any] = "status < 300",
        retry: str | Mapping[str, Any] = "",
        id: str = "",  # noqa: A002 - the key of the configuration
        language: str = "zh",
        most: int = MOST_TEXT,
    ) -> None:
        self._method, self._url, self._body = method, url, body
        self._headers = dict(headers or {})
        self._content_type, self._charset = content_type, charset
        self._escape = _escaper(content_type, charset)
        self._success, self._retry, self._id = condition_of(success), condition_of(retry), finder_of(id)
        self._language, self._most = language, most
        self._hidden = Hidden(url, *_constants(body, self._headers))

    def __repr__(self) -> str:
        """Tells the host only: address, headers and body may hold secrets."""
        return f"HttpForm({self._method}, {urlsplit(self._url).hostname})"

    def request(self, notice: Notice, now: int) -> Request | Refused:
        """See ``HttpKind.request``."""
        phone = notice.to.number if notice.to is not None else ""
        if not phone and "{phone}" in f"{self._url}{self._body}{self._headers}":
            return Refused("the person has no phone number")
        values = self._values(notice, phone, now)
        headers = {name: _filled(text, values, _one_line) for name, text in self._headers.items()}
        if self._body:
            headers.setdefault("Content-Type", f"{self._content_type}; charset={self._charset}")
        body = _filled(self._body, values, self._escape).encode(self._charset, "replace")
        url = _filled(self._url, values, lambda text: quote(text.encode(self._charset, "replace"), safe=""))
        return Request(url, headers, body, self._method)

    def judge(self, answer: Answer) -> Outcome:
        """See ``HttpKind.judge``."""
        status, meant = answer.status, said(answer.status, answer.body, self._charset)
        words = self._hidden.shown(meant.text)
        if self._success(meant):
            return Delivered(status, self._hidden.shown(self._id(meant)) or words)
        if self._retry(meant) or status in _RETRIED or status >= 500:
            return Retry(words, status, retry_after(answer.headers.get("retry-after"), answer.now))
        return Refused(words, status)

    def _values(self, notice: Notice, phone: str, now: int) -> dict[str, str]:
        text = text_of(notice, self._language)
        try:
            zone = msgspec.json.decode(notice.context, type=Context).zone
        except msgspec.MsgspecError:
            zone = Context().zone
        sent = local_time(now * 1000, zone)
        return {
            "phone": _one_line(phone),
            "text": cut(without_links(text.line), self._most),
            "title": cut(without_links(text.title), self._most),
            "id": _one_line(notice.key),
            "time": sent.strftime("%Y-%m-%d %H:%M:%S"),
            "stamp": sent.strftime("%Y%m%d%H%M%S"),
            "unix": str(now),
        }


def without_links(text: str) -> str:
    """``text`` on one line without addresses of pages, which Chinese SMS must not have."""
    return " ".join(_one_line(_LINK.sub("", text)).split())


def _filled(template: str, values: Mapping[str, str], escaped: Callable[[str], str]) -> str:
    return _PLACEHOLDER.sub(lambda found: escaped(values[found[1]]), template)


def _escaper(content_type: str, charset: str) -> Callable[[str], str]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return lambda text: quote_plus(text.encode(charset, "replace"))
    if kind.endswith("json"):
        return lambda text: msgspec.json.encode(text).decode()[1:-1]
    if kind.endswith("xml"):
        return lambda text: escape(text, {'"': "&quot;", "'": "&apos;"})
    if kind == "text/plain":
        return _one_line
    raise ValueError(
        f"content_type {content_type!r} is not known; allowed: application/x-www-form-urlencoded, "
        "application/json, application/xml, text/xml, text/plain"
    )


def _one_line(text: str) -> str:
    return "".join(mark if mark.isprintable() else " " for mark in text)


#: The values of a form, of JSON and of XML.
_VALUE = re.compile(r"""[=:>]\s*["']?([^&"'<>{}]+)""")


def _constants(body: str, headers: Mapping[str, str]) -> list[str]:
    """What a request holds besides its placeholders and may be a password."""
    return [*_VALUE.findall(body), *(part for value in headers.values() for part in value.split())]
