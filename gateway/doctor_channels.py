"""The doctor's look at the ways by which people are told: channels, templates, routing file, contacts, heartbeat.

Channels are connected to, and logged in to where there is a login; nothing is sent, so nobody is told anything.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import sqlalchemy as sa

from alerts.notify import Delivered, Outcome
from alerts.policy import SHIPPED_POLICY, Policy, parse_policy
from alerts.rules import PackError
from devices.registry import Registry, periods_of
from gateway import state
from gateway.channel_check import channel_faults
from gateway.channels import WEBHOOK, channel_of, configured
from gateway.config import Settings
from gateway.config import channels as kinds
from gateway.database import open_state
from gateway.decide.history import load_registry
from gateway.errors import HygeiaError
from gateway.finding import FaultError, Finding
from gateway.installation import Installation

TIMEOUT_S = 5.0
#: A modem wakes up slowly.
LOOK_S = 40.0
#: Of a long list so many are named.
_NAMED = 20
_CLOUDS = {"aliyun-sms": "dysmsapi.aliyuncs.com", "tencent-sms": "sms.tencentcloudapi.com"}
TITLES = {
    "webhook": {"en": "webhook", "zh": "回调地址"},
    "channel": {"en": "channel", "zh": "通知通道"},
    "channels": {"en": "channels", "zh": "通知通道配置"},
    "routing": {"en": "routing", "zh": "通知路由"},
    "contacts": {"en": "contacts", "zh": "联系人"},
    "heartbeat": {"en": "heartbeat", "zh": "外部心跳"},
}


def examine_channels(settings: Settings) -> Iterator[Finding]:
    """Every check about telling people; each yields a finding, whatever happens."""
    for name, one in configured(settings).items():
        key = "webhook" if name == WEBHOOK else "channel"
        yield _checked(key, name, lambda name=name, one=one: _channel(settings, name, one))  # type: ignore[misc]
    if settings.alerts.channels:
        yield _checked("channels", "", lambda: _settings(settings))
    yield _checked("routing", "", lambda: _routing(settings))
    yield _checked("contacts", "", lambda: _contacts(settings))
    heartbeat = settings.alerts.heartbeat_url.get_secret_value()
    if heartbeat:
        yield _checked("heartbeat", "", lambda: _reach(heartbeat, "alerts.heartbeat_url"))


def _checked(key: str, name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    before = f"{name}: " if name and key != "webhook" else ""
    ok = False
    try:
        en, zh = check()
        ok = True
    except FaultError as fault:
        en, zh = fault.en, fault.zh
    except (HygeiaError, OSError, sa.exc.SQLAlchemyError) as error:
        en = zh = str(error)
    return Finding(key, ok=ok, en=before + en, zh=before + zh)


def _channel(settings: Settings, name: str, one: kinds.ChannelKind) -> tuple[str, str]:
    key = "alerts.webhook" if name == WEBHOOK and name not in settings.alerts.channels else f"alerts.channels.{name}"
    if isinstance(one, kinds.AliyunSmsChannel | kinds.TencentSmsChannel):
        host = one.endpoint or _CLOUDS[one.kind]
        return _reach(host if "//" in host else f"https://{host}", f"{key}.endpoint")
    if isinstance(one, kinds.EmailChannel | kinds.ModemChannel | kinds.AppriseChannel):
        return _look(settings, name, key)
    url: str = one.url.get_secret_value()  # type: ignore[attr-defined]  # all others have one
    return _reach(url.partition("{")[0], key)


def _reach(url: str, key: str) -> tuple[str, str]:
    """Connect, with TLS where it is asked for. The path is not shown: it may hold a token."""
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as plain:
            if secure:
                ssl.create_default_context().wrap_socket(plain, server_hostname=host).close()
    except OSError as error:
        raise FaultError(f"{host}:{port} cannot be reached ({error}); check {key}",
                         f"{host}:{port} 无法连接（{error}）；请检查 {key}") from error  # fmt: skip
    return f"{host}:{port} answers; nothing was sent", f"{host}:{port} 可连接；未发送消息"


def _look(settings: Settings, name: str, key: str) -> tuple[str, str]:
    """Ask the sender itself whether it could send."""
    found = channel_of(settings, name)
    assert found is not None
    sender = found[0]

    async def look() -> Outcome:
        try:
            async with asyncio.timeout(LOOK_S):
                outcome: Outcome = await sender.look()  # type: ignore[attr-defined]  # these kinds have it
                return outcome
        finally:
            await sender.close()

    try:
        outcome = asyncio.run(look())
    except TimeoutError:
        raise FaultError(f"no answer; check {key}", f"无应答；请检查 {key}") from None
    if not isinstance(outcome, Delivered):
        raise FaultError(f"{outcome.words}; check {key}", f"{outcome.words}；请检查 {key}")
    return "ready; nothing was sent", "就绪；未发送消息"


def _settings(settings: Settings) -> tuple[str, str]:
    """What is wrong with the channels as they are written."""
    faults = channel_faults(settings)
    if faults:
        words = "; ".join(faults)
        raise FaultError(words, f"通知通道配置有误：{words}")
    names = ", ".join(configured(settings))
    return names, names


def _policy(path: Path | None) -> Policy:
    file = path or SHIPPED_POLICY
    try:
        return parse_policy(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise FaultError(f"{file} cannot be read ({error}); check alerts.routing",
                         f"{file} 无法读取（{error}）；请检查 alerts.routing") from error  # fmt: skip
    except PackError as error:
        words = "; ".join(error.faults)
        raise FaultError(words, words) from error


def _routing(settings: Settings) -> tuple[str, str]:
    policy = _policy(settings.alerts.routing)
    known = configured(settings)
    missing = [name for name in policy.named_channels if name not in known]
    if missing:
        names, allowed = ", ".join(missing), ", ".join(known) or "-"
        raise FaultError(f"it names channels that are not configured: {names}; configured: {allowed}",
                         f"引用了未配置的通道：{names}；已配置：{allowed}")  # fmt: skip
    registry = _registry(settings)
    strangers = [
        f"{kind} {name}"
        for kind, section in (("team", "teams"), ("person", "people"))
        for name in sorted(policy.targets(kind))
        if not registry.knows(section, name)
    ]
    if strangers:
        names = ", ".join(strangers)
        raise FaultError(f"it names who is not in the registry: {names}", f"引用了未登记的对象：{names}")
    return f"{policy.id}, version {policy.version}", f"{policy.id}，版本 {policy.version}"


def _contacts(settings: Settings) -> tuple[str, str]:
    """Everybody who may be called has an address for a channel that is configured."""
    registry = _registry(settings)
    called = sorted(_called(registry))
    needs = {name: one.need() for name, one in configured(settings).items() if one.need()}
    if not needs:
        if configured(settings):
            return ("no channel tells persons; every alert goes to the channels' own receivers",
                    "没有面向个人的通道；报警只发往各通道自身的接收方")  # fmt: skip
        return "no channel is configured: alerts are shown and nobody is told", "未配置通道：报警仅显示，不通知任何人"
    kept = _private(settings)
    faults = [fault for one in called if (fault := _unreached(registry, one, needs, kept.get(one, _Private())))]
    if faults:
        more = f"; and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        words = "; ".join(faults[:_NAMED]) + more
        raise FaultError(f"cannot be told: {words}", f"无法通知：{words}")
    return f"{len(called)} people can be told", f"{len(called)} 人可被通知"


def _called(registry: Registry) -> set[str]:
    """Contacts of units, officers of the grid, members of teams, heads and operators."""
    found: set[str] = set()
    for section, key in (("units", "contacts"), ("grid", "officers"), ("teams", "members")):
        for name in registry.ids(section):
            for period in periods_of(registry.body(section, name)):
                found.update(period.get(key, []))
    for name in registry.ids("people"):
        if any(period.get("role") in {"head", "operator"} for period in periods_of(registry.body("people", name))):
            found.add(name)
    return found


class _Private(msgspec.Struct):
    phone: str | None = None
    email: str | None = None


def _unreached(registry: Registry, person: str, needs: dict[str, kinds.Need], kept: _Private) -> str:
    """Why a person cannot be told; empty where one can."""
    if not registry.knows("people", person):
        return f"{person} (not in the registry)"
    own = (registry.get("people", person) or {}).get("channels") or list(needs)
    usable = [name for name in own if name in needs]
    if not usable:
        return f"{person} (none of the own channels is configured: {', '.join(own)})"
    if any(getattr(kept, needs[name]) for name in usable):
        return ""
    return f"{person} (no {' or '.join(sorted({needs[name] for name in usable}))})"


def _registry(settings: Settings) -> Registry:
    registry = Registry(settings.mqtt.root)
    with _state(settings) as engine:
        if engine is not None:
            load_registry(registry, engine, 2**63 - 1)
    return registry


def _private(settings: Settings) -> dict[str, _Private]:
    table = state.people_private.c
    with _state(settings) as engine:
        if engine is None:
            return {}
        with engine.connect() as connection:
            rows = connection.execute(sa.select(table.id, table.body)).all()
    return {name: msgspec.json.decode(body, type=_Private) for name, body in rows}


@contextmanager
def _state(settings: Settings) -> Iterator[sa.Engine | None]:
    """The state of the installation; None where there is none, which another check says. It is not made."""
    file = Installation(settings.data.dir).state
    if not file.exists():
        yield None
        return
    engine = open_state(file)
    try:
        yield engine
    finally:
        engine.dispose()
