"""E-mail: what a message looks like and what a server's answer means (pure; ``gateway.email_sender`` speaks SMTP).

A message has a plain and an HTML part. Its Message-ID comes from the notice's key, so that every try has the same one
and a repetition can be recognised; messages about one alert stand in one thread. Sources: RFC 5322, RFC 3834
(Auto-Submitted), RFC 5321 section 4.2.1 (4yz: again, 5yz: never).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from alerts.notify import Notice, Outcome, Refused, Retry, words_of
from alerts.notify.figures import local_time
from alerts.notify.fit import Text, cut
from alerts.notify.terms import TERMS
from alerts.notify.text import text_of

#: Such a list is read by nobody, and servers refuse messages of many megabytes.
MOST_TEXT = 1_000_000
MOST_SUBJECT = 120


class Mail:
    """Writes notices as messages from ``sender``, a mailbox such as ``hygeia@example.org``."""

    def __init__(self, *, sender: str, language: str = "zh") -> None:
        self._sender = sender
        self._domain = sender.rpartition("@")[2]
        self._language = language

    def message(self, notice: Notice, to: Sequence[str]) -> EmailMessage:
        """The message of a notice to some mailboxes. Raises ValueError where one of them is none."""
        text = text_of(notice, self._language)
        mail = EmailMessage(policy.SMTP)
        mail["Subject"] = cut(" ".join(text.title.split()), MOST_SUBJECT)
        mail["From"] = Address("Hygeia", addr_spec=self._sender)
        mail["To"] = [Address(addr_spec=one) for one in to]
        mail["Date"] = format_datetime(local_time(notice.at, "UTC"))
        mail["Message-ID"] = self._id(notice.key)
        if notice.subject != notice.key:
            mail["References"] = self._id(notice.subject)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_plain(text, notice.link), cte="base64")
        mail.add_alternative(_html(text, notice.link), subtype="html", cte="base64")
        mail["Content-Language"] = text.language
        return mail

    def _id(self, key: str) -> str:
        return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{self._domain}>"


def judge(code: int, said: str) -> Outcome:
    """What a reply that is no success means."""
    words = f"{code} {words_of(said.encode())}".strip()
    return Refused(words, code) if 500 <= code < 600 else Retry(words, code)


def _plain(text: Text, link: str) -> str:
    body = text.body(MOST_TEXT)
    return f"{body}\n\n{TERMS[text.language]['open']}: {link}\n" if link else body + "\n"


def _html(text: Text, link: str) -> str:
    lines = "<br>\n".join(escape(line) for line in text.body(MOST_TEXT).split("\n"))
    button = ""
    if link:
        word = escape(TERMS[text.language]["open"])
        button = (
            f'\n<p><a href="{escape(link, quote=True)}" style="background:#0b5cad;color:#fff;padding:10px 18px;'
            f'border-radius:4px;text-decoration:none">{word}</a></p>'
        )
    return (
        f'<!doctype html>\n<html lang="{text.language}"><head><meta charset="utf-8">'
        f"<title>{escape(text.title)}</title></head>\n"
        f'<body style="font-family:sans-serif;line-height:1.5">\n<h3>{escape(text.title)}</h3>\n'
        f"<p>{lines}</p>{button}\n</body></html>\n"
    )
