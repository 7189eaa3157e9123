"""The doctor's look at certificates: which end soon, of the broker, the gateway and the devices."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway import credentials
from gateway.broker import folder
from gateway.broker.authority import RENEW_DAYS, days_left
from gateway.broker.conf import Options
from gateway.broker.configure import AUTHORITY_NOTICE_DAYS
from gateway.config import Settings
from gateway.database import newest_revision, open_state, revision
from gateway.finding import FaultError
from gateway.installation import Installation

_DAY_MS = 86_400_000
#: More names make no better line.
_NAMED = 5


class _End(NamedTuple):
    """A certificate that ends in ``days``; told from ``notice`` days on."""

    name: str
    days: int
    notice: int


def check_certificates(settings: Settings) -> tuple[str, str]:
    """What ends next. Raises FaultError with all that end soon, StartError."""
    installation = Installation(settings.data.dir)
    options = folder.load_options(installation)
    if options is None:
        return "none: 'hygeia broker config' was never run", "无：尚未运行 hygeia broker config"
    now = dt.datetime.now(dt.UTC)
    ends = sorted([*_own(installation, options, now), *_devices(installation, now)], key=lambda one: one.days)
    soon = [one for one in ends if one.days < one.notice]
    if soon:
        names = ", ".join(f"{one.name} ({one.days} d)" for one in soon[:_NAMED])
        more = f" +{len(soon) - _NAMED}" if len(soon) > _NAMED else ""
        raise FaultError(
            f"{names}{more} end soon; hygeia broker config renews broker and gateway, hygeia broker certificate a "
            "device; authority: docs/broker.md",
            f"{names}{more} 即将到期；消息服务器和网关: hygeia broker config，设备: hygeia broker certificate，"
            "根证书见 docs/broker.md",
        )
    if not ends:
        return "none of ours", "无自签证书"
    return f"{len(ends)}, the next ends in {ends[0].days} days", f"{len(ends)} 个，最早 {ends[0].days} 天后到期"


def _own(installation: Installation, options: Options, now: dt.datetime) -> Iterator[_End]:
    """Those that 'hygeia broker config' makes with these options; a customer's own are looked after elsewhere."""
    files: dict[str, tuple[Path, int]] = {}
    if not options.server_cert or not options.client_ca:
        files["authority"] = (installation.keys / "ca.pem", AUTHORITY_NOTICE_DAYS)
    if not options.server_cert:
        files["broker"] = (Path(options.out) / "server.pem", RENEW_DAYS)
    if options.gateway_port:
        files["gateway"] = (installation.keys / "gateway.pem", RENEW_DAYS)
    for name, (file, notice) in files.items():
        found = folder.load_certificate(file)
        if found is not None:
            yield _End(name, days_left(found, now), notice)


def _devices(installation: Installation, now: dt.datetime) -> Iterator[_End]:
    """Those in force; none where the state is of another version, which is a fault of its own."""
    if not installation.state.exists():
        return
    engine = open_state(installation.state)
    try:
        with engine.connect() as connection:
            if revision(connection) != newest_revision():
                return
        rows = credentials.listed(engine)
    finally:
        engine.dispose()
    at = int(now.timestamp() * 1000)
    for row in rows:
        if row["revoked_at"] is None and row["serial"] and row["expires_at"] is not None:
            yield _End(str(row["name"]), (row["expires_at"] - at) // _DAY_MS, RENEW_DAYS)
