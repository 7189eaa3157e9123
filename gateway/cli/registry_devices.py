"""``hygeia registry add-device|rotate-device|revoke-device``: one device and what it is known by at the broker."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from devices.files import changes_of
from devices.files.check import check as judge
from devices.files.faults import Spot
from devices.files.raw import Raw, RawEntry
from devices.registry import Change
from gateway.cli import show
from gateway.cli.handing_out import Credentials, document_of, hand_out, next_step, refuse_reserved, show_once
from gateway.cli.language import language, pick
from gateway.cli.options import Config, DataDir, Json
from gateway.cli.registered import apply, registry_of, versions_of
from gateway.client import Door, open_door
from gateway.config import Settings, load
from gateway.errors import HygeiaError, UsageError

DeviceKind = Literal["water", "terminal", "store_climate", "radiation", "gateway"]
SOURCE = "source-"

Qr = Annotated[bool, typer.Option("--qr/--no-qr", help="Show the credentials as a QR code, too.")]


def add_device(
    id: Annotated[str, typer.Argument(metavar="ID", help="The device's id, as in its topics.")],  # noqa: A002 - the field
    kind: Annotated[DeviceKind, typer.Option("--kind", help="What the device is.")] = "water",
    place: Annotated[str | None, typer.Option("--place", metavar="P", help="Id of the place it measures.")] = None,
    credentials: Annotated[
        bool, typer.Option("--credentials/--no-credentials", help="Give it a password for the broker.")
    ] = True,
    qr: Qr = True,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> int:
    """Register one device and show its credentials once; every parameter of the catalogue is accepted from it."""
    settings = load(config, data_dir)
    entry = {"id": id, "kind": kind} | ({"place": place} if place else {})
    with open_door(settings, create=True) as door:
        current, _ = registry_of(door)
        if current.knows("devices", id):
            raise UsageError(
                f"device {id!r} is registered already; change it by 'hygeia registry import', "
                f"its password by 'hygeia registry rotate-device {id}'"
            )
        checked = judge(Raw([RawEntry("devices", entry, lambda path: Spot("", 0, str(path[0])))]), current)
        for fault in checked.faults:
            show.complain(fault.line(language()))
        if checked.faults:
            return 2
        if credentials:
            refuse_reserved(settings, id)
        apply(door, changes_of(checked.document, current), "")
        given = _first_password(door, settings, id) if credentials else None
    if json:
        show.document({"device": id, **({} if given is None else document_of(given, settings))})
        return 0
    show.say(pick({"en": f"device {id} is registered", "zh": f"设备 {id} 已登记"}))
    if given is not None:
        show_once(given, qr=qr)
        next_step(settings)
    return 0


def _first_password(door: Door, settings: Settings, device: str) -> Credentials:
    """The password of a device that was just registered. Raises HygeiaError that says so where it gets none."""
    try:
        return hand_out(door, settings, device)
    except HygeiaError as error:
        raise HygeiaError(
            f"device {device!r} is registered; give it a password by: hygeia registry rotate-device {device} ({error})"
        ) from error


def rotate_device(
    id: Annotated[  # noqa: A002 - the field
        str, typer.Argument(metavar="ID", help="The device's id, or source-ID for the account that a source shares.")
    ],
    qr: Qr = True,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Give a device a new password and show it once; the old one holds until the broker has its next files."""
    settings = load(config, data_dir)
    with open_door(settings) as door:
        current, _ = registry_of(door)
        shared = id.startswith(SOURCE) and current.knows("sources", id.removeprefix(SOURCE))
        if not shared and not current.knows("devices", id):
            raise UsageError(f"device {id!r} is not registered; see 'hygeia registry list devices'")
        given = hand_out(door, settings, id)
    if json:
        show.document({"device": id, **document_of(given, settings)})
        return
    words = {
        "en": f"{id} has a new password; the old one holds until the broker has its next files",
        "zh": f"{id} 已有新密码；旧密码在消息服务器读取新文件之前仍有效",
    }
    show.say(pick(words))
    show_once(given, qr=qr)
    next_step(settings)


def revoke_device(
    id: Annotated[  # noqa: A002 - the field
        str, typer.Argument(metavar="ID", help="The device's id, or source-ID for the account that a source shares.")
    ],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Take a device out of the registry and its credentials out of force; its data stay.

    From now on its messages are parked as unknown_device.
    """
    settings = load(config, data_dir)
    with open_door(settings) as door:
        current, _ = registry_of(door)
        shared = id.startswith(SOURCE) and current.knows("sources", id.removeprefix(SOURCE))
        if not shared and not current.knows("devices", id):
            raise UsageError(f"device {id!r} is not registered; see 'hygeia registry list devices'")
        if id in versions_of(door):
            door.command("credentials.revoke", {"account": id})
        if not shared:
            apply(door, [Change("devices", id, None)], "")
    words = {
        "en": f"device {id} is revoked; what it sends is parked from now on",
        "zh": f"设备 {id} 已注销，此后的消息将被挂起",
    }
    if shared:
        words = {"en": f"account {id} is revoked", "zh": f"账号 {id} 已停用"}
    show.say(pick(words))
    next_step(settings)
