"""Looks at an installation and what it needs, one thing after the other, and says what to do. Changes nothing."""

from __future__ import annotations

import asyncio
import http
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from alerts.rules import PackError, load_packs
from gateway import doctor_channels
from gateway.client import HttpTransport
from gateway.config import Settings
from gateway.database import newest_revision, open_state, revision
from gateway.doctor_certificates import check_certificates
from gateway.doctor_influx import check_influx
from gateway.errors import HygeiaError
from gateway.finding import FaultError, Finding
from gateway.installation import Installation
from gateway.journal.segment import survey
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.progress import known_durable

TIMEOUT_S = 5.0
#: No Hygeia is older than this: an earlier clock is wrong.
BUILT_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
STEP_MS = 5_000


TITLES = {
    "configuration": {"en": "configuration", "zh": "配置"},
    "folder": {"en": "data folder", "zh": "数据目录"},
    "space": {"en": "free space", "zh": "剩余空间"},
    "gateway": {"en": "gateway", "zh": "网关"},
    "keys": {"en": "keys", "zh": "密钥"},
    "journal": {"en": "journal", "zh": "日志"},
    "state": {"en": "state", "zh": "状态库"},
    "clock": {"en": "clock", "zh": "时钟"},
    "packs": {"en": "rule packs", "zh": "规则包"},
    "broker": {"en": "broker", "zh": "消息服务器"},
    "certificates": {"en": "certificates", "zh": "证书"},
    "influx": {"en": "InfluxDB", "zh": "InfluxDB"},
    **doctor_channels.TITLES,
}


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check of an installation; each yields one finding, whatever happens."""
    installation = Installation(settings.data.dir)
    checks: list[tuple[str, Callable[[], tuple[str, str]]]] = [
        ("folder", lambda: _folder(installation)),
        ("space", lambda: _space(installation, settings)),
        ("gateway", lambda: _gateway(installation)),
        ("keys", lambda: _keys(installation, settings)),
        ("journal", lambda: _journal(installation)),
        ("state", lambda: _state(installation)),
        ("clock", lambda: _clock(installation)),
        ("packs", lambda: _packs(settings)),
        ("broker", lambda: _broker(settings)),
        ("certificates", lambda: check_certificates(settings)),
    ]
    if settings.timeseries.store == "influx":
        checks.append(("influx", lambda: check_influx(settings)))
    for key, check in checks:
        try:
            en, zh = check()
        except FaultError as fault:
            yield Finding(key, ok=False, en=fault.en, zh=fault.zh)
        except (HygeiaError, OSError) as error:
            yield Finding(key, ok=False, en=str(error), zh=str(error))
        else:
            yield Finding(key, ok=True, en=en, zh=zh)
    yield from doctor_channels.examine_channels(settings)


def _folder(installation: Installation) -> tuple[str, str]:
    folder = installation.folder
    if not installation.keys.is_dir():
        raise FaultError(f"{folder}: no installation; run: hygeia init --data-dir {folder}",
                     f"{folder}: 尚无安装；请运行: hygeia init --data-dir {folder}")  # fmt: skip
    for path in (folder, installation.journal, installation.keys, installation.snapshots):
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise FaultError(f"{path}: this user may not write here; run as the owner or change it with chown",
                         f"{path}: 当前用户无写权限；请用属主运行或用 chown 修改")  # fmt: skip
    return str(folder), str(folder)


def _space(installation: Installation, settings: Settings) -> tuple[str, str]:
    free = shutil.disk_usage(installation.folder).free
    least = settings.journal.min_free
    found = f"{free / 2**30:.1f} GiB"
    if free < least:
        raise FaultError(f"{found}, less than journal.min_free: messages are not acknowledged; make room",
                     f"{found}，低于 journal.min_free：不再确认消息；请清理磁盘")  # fmt: skip
    return found, found


def _gateway(installation: Installation) -> tuple[str, str]:
    if not installation.locked():
        return "not running", "未运行"
    runtime = installation.read_runtime()
    if runtime is None:
        raise FaultError("the folder is in use but nothing says how to reach the gateway; wait, or stop that process",
                     "目录被占用但没有网关地址；请稍候或停止该进程")  # fmt: skip
    reply = HttpTransport(runtime)("GET", "/readyz")
    if reply.status != http.HTTPStatus.OK:
        raise FaultError(f"{runtime.address} is not ready: {reply.body.decode('utf-8', 'replace')[:500]}",
                     f"{runtime.address} 未就绪: {reply.body.decode('utf-8', 'replace')[:500]}")  # fmt: skip
    return f"{runtime.address}, process {runtime.pid}", f"{runtime.address}，进程 {runtime.pid}"


def _keys(installation: Installation, settings: Settings) -> tuple[str, str]:
    installation.installation_key()
    installation.ledger_key(settings.ledger.key_file)
    return "present, readable by the owner only", "齐全，仅属主可读"


def _journal(installation: Installation) -> tuple[str, str]:
    found = survey(installation.journal, known_durable(installation.state))
    if found is None:
        return "empty", "空"
    torn = (f", a torn tail of {found.torn} bytes", f"，尾部 {found.torn} 字节不完整") if found.torn else ("", "")
    files = len(found.segments)
    return f"{found.end.next} records, {files} files{torn[0]}", f"{found.end.next} 条记录，{files} 个文件{torn[1]}"


def _state(installation: Installation) -> tuple[str, str]:
    if not installation.state.exists():
        raise FaultError(
            "missing; it is made by 'hygeia init' or 'hygeia run'", "缺失；由 hygeia init 或 hygeia run 创建"
        )
    engine = open_state(installation.state)
    try:
        with engine.connect() as connection:
            at = revision(connection)
            verdict = connection.exec_driver_sql("PRAGMA quick_check").scalar_one()
    finally:
        engine.dispose()
    if verdict != "ok":
        raise FaultError(f"damaged: {verdict}; restore a backup", f"已损坏: {verdict}；请恢复备份")
    if at != newest_revision():
        raise FaultError(f"migration {at}, this version needs {newest_revision()}; 'hygeia run' brings it forward",
                     f"迁移版本 {at}，本版本需要 {newest_revision()}；hygeia run 会自动升级")  # fmt: skip
    return f"migration {at}", f"迁移版本 {at}"


def _clock(installation: Installation) -> tuple[str, str]:
    now = time.time_ns() // 1_000_000
    shown = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="seconds")
    found = survey(installation.journal, known_durable(installation.state))
    last = found.end.time if found else 0
    if now < max(BUILT_MS, last - STEP_MS):
        raise FaultError(f"{shown} is before what was already recorded; set the clock (NTP)",
                     f"{shown} 早于已有记录；请校时（NTP）")  # fmt: skip
    return shown, shown


def _packs(settings: Settings) -> tuple[str, str]:
    try:
        packs = load_packs(settings.alerts.packs, settings.packs)
    except PackError as error:
        raise FaultError(str(error)) from error
    names = ", ".join(settings.alerts.packs)
    rules = sum(len(pack.rules) for pack in packs)
    return f"{names}: {rules} rules", f"{names}: {rules} 条规则"


def _broker(settings: Settings) -> tuple[str, str]:
    # A name of its own: the running gateway's session must not be taken over.
    options = replace(MqttOptions.of(settings), client_id=f"{settings.mqtt.client_id[:57]}-doctor", session_expiry=0)

    async def greet() -> None:
        async with asyncio.timeout(TIMEOUT_S), Publisher(options):
            pass

    try:
        asyncio.run(greet())
    except TimeoutError:
        raise FaultError(
            f"{settings.mqtt.shown_url} gives no answer; check mqtt.url and the broker",
            f"{settings.mqtt.shown_url} 无应答；请检查 mqtt.url 和消息服务器",
        ) from None
    except HygeiaError as error:
        raise FaultError(f"{error}; check mqtt.url and the broker", f"{error}；请检查 mqtt.url 和消息服务器") from error
    return f"{settings.mqtt.shown_url} accepts us", f"{settings.mqtt.shown_url} 已接受连接"
