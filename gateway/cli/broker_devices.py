"""``hygeia broker certificate`` and ``hygeia broker passwords``: what devices are given besides a password each."""

from __future__ import annotations

import csv
import datetime as dt
import os
from pathlib import Path
from typing import IO, Annotated

import typer

from gateway.cli import show
from gateway.cli.handing_out import hand_out, next_command, next_step, refuse_reserved
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.cli.registered import registry_of, versions_of
from gateway.client import open_door
from gateway.config import load
from gateway.errors import UsageError
from gateway.installation import Installation

_COLUMNS = ("user", "password", "version", "broker", "telemetry", "event", "status", "reply")


def certificate(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="The device's id.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the certificate, its key and ca.pem.")],
    csr: Annotated[
        Path | None, typer.Option("--csr", metavar="FILE", help="Certify this request: the key stays where it is.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 730,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make a client certificate for a device; the one before goes on the list of revoked ones with the next files."""
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - it takes a while

    from gateway.broker import authority, configure, folder  # noqa: PLC0415 - likewise
    from gateway.broker.conf import Options  # noqa: PLC0415 - likewise

    settings = load(config, data_dir)
    request = b"" if csr is None else _read(csr)
    installation = Installation(settings.data.dir)
    options = folder.load_options(installation) or Options()
    if options.client_ca:
        raise UsageError(f"{options.client_ca} signs the certificates of devices here (--client-ca), not Hygeia")
    with open_door(settings) as door:
        current, _ = registry_of(door)
        if not current.knows("devices", device):
            raise UsageError(f"device {device!r} is not registered; see 'hygeia registry list devices'")
        refuse_reserved(settings, device)
        now = dt.datetime.now(dt.UTC)
        ours = configure.authority_of(installation, options, now)
        made = authority.device_certificate(ours, device, now, days, request)
        files = {f"{device}.pem": made.certificate, "ca.pem": ours.certificate.public_bytes(Encoding.PEM)}
        files |= {f"{device}.key": made.key} if made.key else {}
        # Written before it is in force: a serial that nobody holds would put the old certificate out for nothing.
        folder.put_secrets(out, files)
        given = {"account": device, "serial": made.serial, "expires_at": made.expires_at}
        version = door.command("credentials.issue", given)["version"]
    if json:
        show.document(
            {"device": device, "version": version, "serial": made.serial, "expires_at": made.expires_at,
             "files": sorted(str(out / name) for name in files), "next": next_command(settings)}
        )  # fmt: skip
        return
    until = show.cell("until", made.expires_at, settings.zone)
    words = {
        "en": f"{out}: {', '.join(sorted(files))}; version {version}, valid until {until}",
        "zh": f"{out}：{', '.join(sorted(files))}；版本 {version}，有效期至 {until}",
    }
    show.say(pick(words))
    next_step(settings)


def passwords(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New CSV file for the credentials, mode 0600.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Give a password to every registered device that has no credentials yet, as after an import."""
    from gateway.broker.configure import gateway_of  # noqa: PLC0415 - it takes a while
    from gateway.broker.rights import reserved  # noqa: PLC0415 - likewise

    settings = load(config, data_dir)
    count = 0
    with open_door(settings) as door, _new_file(out) as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        current, _ = registry_of(door)
        known, who = versions_of(door), gateway_of(settings)
        for device in current.ids("devices"):
            if device in known:
                continue
            wrong = reserved(device, who)
            if wrong is not None:
                show.complain(f"hygeia: {wrong}")
                continue
            given = hand_out(door, settings, device)
            table.writerow((given.user, given.password, given.version, given.broker, *given.topics.values()))
            # In force from now on and known nowhere else, whatever comes after.
            file.flush()
            count += 1
    words = {
        "en": f"{out}: {count} passwords, written nowhere else",
        "zh": f"{out}：{count} 个密码，仅存于此文件",
    }
    show.say(pick(words))
    next_step(settings)


def _new_file(out: Path) -> IO[str]:
    """A file of the owner's alone that was not there before: an older one may hold the only copy of its passwords."""
    try:
        return os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; allowed: a new file that this user may write") from error


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"--csr {file}: {error.strerror}; allowed: a file that this user may read") from error
