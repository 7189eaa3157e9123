"""Sending a notice out by e-mail: the SMTP behind ``alerts.notify.email``."""

from __future__ import annotations

import asyncio
import os
import ssl
from email.errors import MessageError
from pathlib import Path
from typing import Literal

import aiosmtplib

from alerts.notify import Delivered, Notice, Outcome, Refused, Retry, words_of
from alerts.notify.email import Mail, judge

Security = Literal["tls", "starttls", "none"]
PORTS: dict[Security, int] = {"tls": 465, "starttls": 587, "none": 25}


class EmailSender:
    """Sends through one SMTP server, a connection a message.

    ``to`` are the mailboxes of every message; without any it goes to the recipient's own. ``port`` 0 is the usual one
    of ``security``. A server that does not offer what ``security`` asks for gets neither password nor message.
    """

    def __init__(
        self,
        mail: Mail,
        *,
        host: str,
        sender: str,
        port: int = 0,
        security: Security = "starttls",
        username: str = "",
        password: str = "",
        to: tuple[str, ...] = (),
        ca: Path | None = None,
        timeout_s: float = 30.0,
    ) -> None:
        self._mail = mail
        self._host = host
        self._port = port or PORTS[security]
        self._sender = sender
        self._security = security
        self._username = username
        self._password = password
        self._to = to
        self._ca = ca
        self._timeout_s = timeout_s
        self._trust: ssl.SSLContext | None = None

    async def send(self, notice: Notice) -> Outcome:
        """See ``Sender.send``."""
        to = self._to or ((notice.to.email,) if notice.to is not None and notice.to.email else ())
        if not to:
            return Refused("the person has no e-mail address")
        try:
            # In a thread: a digest may list thousands, and the zone is read from a file.
            message = await asyncio.to_thread(lambda: self._mail.message(notice, to).as_bytes())
        except (ValueError, MessageError):
            return Refused("the e-mail address is none")
        try:
            async with asyncio.timeout(self._timeout_s):
                refused, said = await self._hand_over(message, to)
        except TimeoutError:
            return Retry(f"no answer within {self._timeout_s:g} s")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _meant(error)
        missed = f"; {len(refused)} of {len(to)} addresses refused" if refused else ""
        return Delivered(250, words_of(said.encode()) + missed)

    async def look(self) -> Outcome:
        """Connect and log in; nothing is sent to anybody."""
        try:
            async with asyncio.timeout(self._timeout_s):
                (await self._opened()).close()
        except TimeoutError:
            return Retry(f"no answer within {self._timeout_s:g} s")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return _meant(error)
        return Delivered()

    async def _hand_over(self, message: bytes, to: tuple[str, ...]) -> tuple[dict[str, aiosmtplib.SMTPResponse], str]:
        server = await self._opened()
        try:
            return await server.sendmail(self._sender, list(to), message)
        finally:
            server.close()

    async def _opened(self) -> aiosmtplib.SMTP:
        server = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=self._sender.rpartition("@")[2],
            timeout=self._timeout_s,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=await self._trusted(),
        )
        await server.connect()
        try:
            if self._username:
                await server.login(self._username, self._password)
        except BaseException:
            server.close()
            raise
        return server

    async def _trusted(self) -> ssl.SSLContext | None:
        if self._security == "none":
            return None
        if self._trust is None:
            self._trust = await asyncio.to_thread(ssl.create_default_context, cafile=self._ca)
        return self._trust

    async def close(self) -> None:
        """See ``Sender.close``."""


def _meant(error: Exception) -> Outcome:
    """What a message that was not taken becomes."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [(one.code, one.message) for one in error.recipients]
        # Again where one of the addresses may still take it.
        return judge(*next((one for one in codes if one[0] < 500), codes[0]))
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        # A person must act; until then what waits stays.
        return Retry(f"the login is refused: {error.code} {words_of(error.message.encode())}", error.code)
    if isinstance(error, aiosmtplib.SMTPConnectResponseError | aiosmtplib.SMTPHeloError):
        # Not about the message: the server is busy, or does not like us.
        return Retry(f"{error.code} {words_of(error.message.encode())}", error.code)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return judge(error.code, error.message)
    return Retry(_words(error))


def _words(error: Exception) -> str:
    """What went wrong on the way, without addresses."""
    causes = (error, error.__cause__)
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in causes):
        return "the server's certificate is refused"
    if any(isinstance(one, ssl.SSLError) for one in causes):
        return "the server's TLS is refused"
    number = next((one.errno for one in causes if isinstance(one, OSError) and (one.errno or 0) > 0), None)
    reason = os.strerror(number) if number else ""
    if isinstance(error, aiosmtplib.SMTPConnectError):
        return f"cannot connect: {reason or type(error).__name__}"
    return f"the connection failed: {reason or words_of(str(error).encode()) or type(error).__name__}"
