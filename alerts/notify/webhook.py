"""The webhook: one signed JSON document a notice (DESIGN 4.7; docs/webhook.md is what its receivers read)."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote, urlsplit

import msgspec

from alerts.notify import Answer, Delivered, Notice, Outcome, Refused, Request, Retry, retry_after
from alerts.notify.hidden import Hidden

SCHEMA = "hygeia.alert/1"
#: A repetition that the receiver has already: as good as taken.
CONFLICT = 409
#: Besides every 5xx.
RETRIED = frozenset({408, 429})


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of ``X-Hygeia-Signature``: hex HMAC-SHA256 over the timestamp, a dot and the body."""
    message = b"%d.%b" % (timestamp, body)
    return "v1=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Webhook:
    """``HttpKind`` of one receiver. Without ``secret`` nothing is signed; without ``public_url`` there are no links."""

    def __init__(self, url: str, secret: str = "", public_url: str = "") -> None:
        self._url = url
        self._secret = secret
        self._public_url = public_url.rstrip("/")
        self._hidden = Hidden(url, secret)

    def __repr__(self) -> str:
        """Tells the host only: an address may hold a token."""
        return f"Webhook({urlsplit(self._url).hostname})"

    def request(self, notice: Notice, now: int) -> Request:
        """See ``HttpKind.request``. The body depends on the notice alone, so every try sends the same bytes."""
        several = notice.content.lstrip()[:1] == b"["
        body = msgspec.json.encode(
            {
                "schema": SCHEMA,
                "event": notice.event,
                "key": notice.key,
                "at": notice.at,
                "alerts" if several else "alert": msgspec.Raw(notice.content),
                "links": self._links(notice),
            },
        )
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": notice.key,
            "X-Hygeia-Timestamp": str(now),
        }
        if self._secret:
            headers["X-Hygeia-Signature"] = sign(self._secret, now, body)
        return Request(self._url, headers, body)

    def judge(self, answer: Answer) -> Outcome:
        """See ``HttpKind.judge``."""
        status, words = answer.status, self._hidden.shown(answer.body)
        if 200 <= status < 300 or status == CONFLICT:
            return Delivered(status, words)
        if status in RETRIED or status >= 500:
            return Retry(words, status, retry_after(answer.headers.get("retry-after"), answer.now))
        if 300 <= status < 400:
            return Refused("the receiver redirects, which is not followed: configure the new address", status)
        return Refused(words, status)

    def _links(self, notice: Notice) -> dict[str, str]:
        if not self._public_url or notice.subject == notice.key:
            return {}
        return {"alert": f"{self._public_url}/api/v1/alerts/{quote(notice.subject, safe='')}"}
