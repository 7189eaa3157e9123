"""``hygeia doctor``: what is wrong with an installation, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import load
from gateway.errors import ConfigurationError

if TYPE_CHECKING:
    from gateway.finding import Finding


def doctor(config: Config = None, data_dir: DataDir = None, json: Json = False) -> int:
    """Check settings, folder, keys, journal, state, clock, packs, broker, certificates, InfluxDB, channels, people."""
    from gateway.doctor import TITLES, examine  # noqa: PLC0415 - other commands start faster
    from gateway.finding import Finding  # noqa: PLC0415 - likewise

    found: list[Finding] = []

    def tell(finding: Finding) -> None:
        found.append(finding)
        if not json:
            mark = pick({"en": "ok   ", "zh": "正常"} if finding.ok else {"en": "FAULT", "zh": "故障"})
            show.say(f"{mark}  {pick(TITLES[finding.key])}: {pick({'en': finding.en, 'zh': finding.zh})}")

    try:
        settings = load(config, data_dir)
    except ConfigurationError as error:
        for fault in error.faults:
            tell(Finding("configuration", ok=False, en=fault, zh=fault))
    else:
        tell(Finding("configuration", ok=True, en="valid", zh="有效"))
        for finding in examine(settings):
            tell(finding)
    ok = all(finding.ok for finding in found)
    if json:
        show.document({"ok": ok, "checks": [asdict(finding) for finding in found]})
    return 0 if ok else 1
