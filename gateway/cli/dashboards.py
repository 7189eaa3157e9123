"""``hygeia dashboards``: Grafana dashboards as files, their check, and their publication to a running Grafana."""

from __future__ import annotations

import json as text_json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.config import load
from gateway.errors import HygeiaError, UsageError

if TYPE_CHECKING:
    from dashboards.grafana.publish import Change, Wishes
    from dashboards.grafana.server import Grafana

app = typer.Typer(help="Grafana dashboards: build files, check them, publish them.", no_args_is_help=True)

_COLUMNS = ("what", "name", "action", "detail")


class Languages(StrEnum):
    """Which dashboards."""

    ZH = "zh"
    EN = "en"
    BOTH = "both"


Language = Annotated[Languages, typer.Option("--language", help="Of the texts; both = a set of dashboards each.")]
GatewayUrl = Annotated[
    str | None,
    typer.Option("--gateway-url", metavar="URL", help="The gateway's pages, for links (else http.public_url)."),
]
TimeZone = Annotated[
    str | None, typer.Option("--time-zone", metavar="ZONE", help="Of days in the panels (else time_zone).")
]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Grafana, with its path if it has one.")]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="Holds the token of a service account (role Admin).")
]
User = Annotated[str | None, typer.Option("--user", metavar="NAME", help="An administrator, instead of a token.")]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", metavar="FILE", help="Holds that password.")]
Ca = Annotated[
    Path | None, typer.Option("--ca", metavar="FILE", help="Certificates to trust, beside the system's own.")
]
Folder = Annotated[str, typer.Option("--folder", metavar="NAME", help="Grafana's folder for them.")]


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Gets zh/*.json and en/*.json.")],
    language: Language = Languages.BOTH,
    gateway_url: GatewayUrl = None,
    time_zone: TimeZone = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write the dashboards as files that Grafana reads by its provisioning."""
    made = _built(language, gateway_url, time_zone, config, data_dir)
    try:
        for name, boards in made.items():
            _write(out / name, boards)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; allowed: a folder that this user may write") from error
    count = sum(map(len, made.values()))
    show.say(pick({"en": f"{count} dashboards in {out}", "zh": f"已写入 {count} 个看板：{out}"}))


def _write(folder: Path, boards: dict[str, str]) -> None:
    """Files that everybody may read: Grafana is another user. What was ours and is no longer would stay in Grafana."""
    from dashboards.grafana.board import TAG  # noqa: PLC0415 - other commands start faster

    folder.mkdir(parents=True, exist_ok=True)
    for old in set(folder.glob("*.json")) - {folder / f"{uid}.json" for uid in boards}:
        if f'"{TAG}"' in old.read_text(encoding="utf-8", errors="replace"):
            old.unlink()
    for uid, text in boards.items():
        file = folder / f"{uid}.json"
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)


@app.command()
def check(
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Files to check; without it, what would be built.")
    ] = None,
    language: Language = Languages.BOTH,
    gateway_url: GatewayUrl = None,
    time_zone: TimeZone = None,
    url: Url = None,
    token_file: TokenFile = None,
    user: User = None,
    password_file: PasswordFile = None,
    ca: Ca = None,
    folder_name: Folder = "Hygeia",
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Check dashboards against Grafana's schema and our rules for queries, or with --url what a Grafana has of ours.

    Prints each fault and exits 1 if there is any, or if that Grafana does not have what would be published.
    """
    from dashboards.grafana.publish import Action, Wishes  # noqa: PLC0415 - other commands start faster

    texts = _read(folder) if folder else _flat(_built(language, gateway_url, time_zone, config, data_dir))
    found = _faults(texts)
    if url is not None:
        with _grafana(url, token_file, user, password_file, ca) as grafana:
            changes = _publish(grafana, Wishes(dashboards=texts, folder=folder_name, dry_run=True))
        settled = {Action.UNCHANGED, Action.PROVISIONED}
        found += [
            {"dashboard": one.name, "fault": f"{one.what}: in Grafana it would be {one.action} {one.detail}".rstrip()}
            for one in changes
            if one.action not in settled
        ]
    if json:
        show.document({"ok": not found, "dashboards": len(texts), "faults": found})
        return 1 if found else 0
    for one in found:
        show.say(f"{one['dashboard']}: {one['fault']}")
    words = {"en": f"{len(texts)} dashboards, {len(found)} faults", "zh": f"{len(texts)} 个看板，{len(found)} 处问题"}
    show.say(pick(words))
    return 1 if found else 0


@app.command()
def publish(
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Grafana, with its path if it has one.")],
    token_file: TokenFile = None,
    user: User = None,
    password_file: PasswordFile = None,
    ca: Ca = None,
    folder_name: Folder = "Hygeia",
    team: Annotated[
        list[str] | None,
        typer.Option("--team", metavar="NAME", help="Only this team may look (may be repeated); else everybody."),
    ] = None,
    language: Language = Languages.BOTH,
    gateway_url: GatewayUrl = None,
    time_zone: TimeZone = None,
    datasource_url: Annotated[
        str,
        typer.Option("--datasource-url", metavar="URL", help="InfluxDB as Grafana reaches it: adds the data source."),
    ] = "",
    datasource_user: Annotated[str, typer.Option("--datasource-user", metavar="NAME", help="Its reader.")] = "grafana",
    datasource_password_file: Annotated[
        Path | None, typer.Option("--datasource-password-file", metavar="FILE", help="Holds the reader's password.")
    ] = None,
    datasource_database: Annotated[
        str, typer.Option("--datasource-database", metavar="NAME", help="Database, or bucket of 2.x.")
    ] = "hygeia",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also what somebody changed, and the password again.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Delete dashboards of ours that no longer exist.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Publish folder, permissions, data source and dashboards. Done again, it changes nothing.

    Exits 1 where something could not be settled: changed by others, or no data source.
    """
    from dashboards.grafana.publish import UNSETTLED, Source, Wishes  # noqa: PLC0415 - as above

    texts = _flat(_built(language, gateway_url, time_zone, config, data_dir))
    faults = _faults(texts)
    if faults:
        raise HygeiaError(f"not published: {len(faults)} faults; see hygeia dashboards check")
    password = _secret("--datasource-password-file", datasource_password_file) if datasource_password_file else ""
    source = Source(datasource_url, datasource_user, password, datasource_database) if datasource_url else Source()
    wishes = Wishes(
        dashboards=texts, folder=folder_name, teams=tuple(team or ()), source=source, overwrite=overwrite, prune=prune,
        dry_run=dry_run,
    )  # fmt: skip
    with _grafana(url, token_file, user, password_file, ca) as grafana:
        changes = _publish(grafana, wishes)
    items = [one._asdict() for one in changes]
    if json:
        show.document({"dry_run": dry_run, "items": items, "next": None})
    else:
        if dry_run:
            show.say(pick({"en": "Nothing is changed (dry run):", "zh": "试运行，不作任何更改："}))
        for one in items:
            show.say("  ".join(str(one[column]) for column in _COLUMNS if one[column]))
    return 1 if any(one.action in UNSETTLED for one in changes) else 0


def _built(
    language: Languages, gateway_url: str | None, time_zone: str | None, config: Path | None, data_dir: Path | None
) -> dict[str, dict[str, str]]:
    """The dashboards of each language by uid; addresses and zone from the options, else from the settings."""
    from dashboards.grafana.build import build as make  # noqa: PLC0415 - as above
    from dashboards.grafana.words import GATEWAY_URL, LANGUAGES  # noqa: PLC0415 - as above

    settings = load(config, data_dir)
    address = gateway_url or settings.http.public_url or GATEWAY_URL
    if not re.fullmatch(r"https?://[^\s\"'<>]+", address):
        raise UsageError(f"--gateway-url {address!r}: allowed: http://HOST or https://HOST")
    zone = time_zone or settings.time_zone
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise UsageError(f"--time-zone {zone!r}: allowed: an IANA name such as Asia/Shanghai") from error
    return {name: make(name, address, zone) for name in LANGUAGES if language in {Languages.BOTH, Languages(name)}}


def _flat(made: dict[str, dict[str, str]]) -> dict[str, str]:
    return {uid: text for boards in made.values() for uid, text in boards.items()}


def _read(folder: Path) -> dict[str, str]:
    files = sorted(folder.rglob("*.json"))
    if not files:
        raise UsageError(f"{folder}: no *.json in it; allowed: a folder that 'hygeia dashboards build' wrote")
    return {str(file.relative_to(folder)): file.read_text(encoding="utf-8", errors="replace") for file in files}


def _faults(texts: dict[str, str]) -> list[dict[str, str]]:
    from dashboards.grafana.check import faults, parse  # noqa: PLC0415 - as above

    found = []
    for name, text in texts.items():
        try:
            document = parse(text)
        except text_json.JSONDecodeError as error:
            found.append({"dashboard": name, "fault": f"no JSON: {error}"})
            continue
        except ValueError as error:
            found.append({"dashboard": name, "fault": str(error)})
            continue
        found += [{"dashboard": name, "fault": fault} for fault in faults(document)]
    return found


def _publish(grafana: Grafana, wishes: Wishes) -> list[Change]:
    from dashboards.grafana.publish import Publisher  # noqa: PLC0415 - as above

    return list(Publisher(grafana, wishes).run())


@contextmanager
def _grafana(
    url: str, token_file: Path | None, user: str | None, password_file: Path | None, ca: Path | None
) -> Iterator[Grafana]:
    """The Grafana of the options; its errors become one line."""
    from dashboards.grafana.server import Grafana, GrafanaError  # noqa: PLC0415 - as above

    if (token_file is None) == (user is None) or (user is None) != (password_file is None):
        raise UsageError("give --token-file FILE, or --user NAME with --password-file FILE")
    credential: Any = (
        _secret("--token-file", token_file) if token_file else (user, _secret("--password-file", password_file))
    )
    if ca is not None and not ca.is_file():
        raise UsageError(f"--ca {ca}: no such file")
    try:
        grafana = Grafana(url, credential, ca)
        try:
            yield grafana
        finally:
            grafana.close()
    except GrafanaError as error:
        raise HygeiaError(str(error)) from error


def _secret(option: str, file: Path | None) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip() if file is not None else ""
    except OSError as error:
        raise UsageError(f"{option} {file}: {error.strerror}") from error
    if not text or "\n" in text:
        raise UsageError(f"{option} {file}: allowed: one line with the secret")
    return text
