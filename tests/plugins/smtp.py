"""An SMTP server on 127.0.0.1 that wants a login and TLS as real ones do, and can refuse and be slow."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "hygeia", "s3cret-mail"


@dataclass(frozen=True)
class Mailed:
    """One message that the server took."""

    sender: str
    to: list[str]
    message: EmailMessage
    encrypted: bool
    user: str

    def part(self, kind: str) -> str:
        """The text of its part ``plain`` or ``html``."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


class MailServer:
    """Answers the next messages as ``next`` says, then takes everything. ``security`` as in the configuration."""

    def __init__(self, folder: Path, security: str) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.mailed: list[Mailed] = []
        self._at_recipient: dict[str, str] = {}
        self._next: deque[str] = deque()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._tls_only = security == "tls"
        self._thread = _Thread(self, context, security)
        self.port = self._thread.port

    def next(self, *answers: str) -> None:
        """Answer the next messages, after their text, with these lines."""
        self._next.extend(answers)

    def refuse(self, address: str, answer: str) -> None:
        """Answer this recipient so from now on."""
        self._at_recipient[address] = answer

    def close(self) -> None:
        """Stop listening."""
        self._thread.close()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, _session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        """Aiosmtpd's hook for a recipient."""
        if address in self._at_recipient:
            return self._at_recipient[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd calls it so
        self, _server: Any, session: Session, envelope: Envelope
    ) -> str:
        """Aiosmtpd's hook for a whole message."""
        answer = self._next.popleft() if self._next else "250 2.0.0 queued as 4Xyz"
        if answer.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            message = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            user = session.auth_data.login.decode() if session.auth_data else ""
            to = [str(one) for one in envelope.rcpt_tos]
            self.mailed.append(
                Mailed(str(envelope.mail_from), to, message, self._tls_only or session.ssl is not None, user)
            )
        return answer


class _Thread:
    """The server in an event loop of its own."""

    def __init__(self, handler: MailServer, context: ssl.SSLContext, security: str) -> None:
        self._connections: list[SMTP] = []

        def protocol() -> SMTP:
            made = SMTP(
                handler,
                hostname="mail.example",
                require_starttls=security == "starttls",
                tls_context=context if security == "starttls" else None,
                authenticator=_authenticate,
                auth_required=security == "starttls",
                auth_require_tls=security == "starttls",
                loop=self._loop,
            )
            self._connections.append(made)
            return made

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = self._loop.create_server(protocol, "127.0.0.1", 0, ssl=context if security == "tls" else None)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.close()
        # A transport closes its socket in the next turn of the loop.
        for _ in range(3):
            await asyncio.sleep(0)


def _authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    assert isinstance(given, LoginPassword)
    well = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=well, handled=False, auth_data=given if well else None)


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[Callable[[str], MailServer]]:
    """Makes mail servers: ``tls``, ``starttls`` or ``none``."""
    made: list[MailServer] = []

    def make(security: str) -> MailServer:
        made.append(MailServer(tmp_path, security))
        return made[-1]

    yield make
    for one in made:
        one.close()
