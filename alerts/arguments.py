"""The arguments of operators' commands: what each takes, and the words for what is wrong with them (pure)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from alerts.lifecycle import CLOSE_REASONS, Reason
from alerts.sessions import Work

MINUTE_MS = 60_000
MOST_COMMENT = 2000
MOST_ID = 128
TEST_CHANNEL = "alerts.test-channel"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PERSON = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_OFFSETS = 2**63
_NAMED = 10
"""Names that a command does not take: so many are shown."""
_SHOWN = 60

#: For each command: what it must be given, and what it may. ``link`` names the message whose link was used; taken by
#: all and looked at by none.
_ABOUT = frozenset({"comment", "by", "file"})
_DESK: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "alerts.ack": (frozenset({"id"}), _ABOUT),
    "alerts.close": (frozenset({"id", "reason"}), _ABOUT),
    "alerts.shelve": (frozenset({"id"}), _ABOUT | {"for_ms", "one_shot"}),
    "alerts.unshelve": (frozenset({"id"}), _ABOUT),
    "alerts.comment": (frozenset({"id", "comment"}), _ABOUT),
    "alerts.assign": (frozenset({"id", "to"}), _ABOUT),
    "alerts.out_of_service": (frozenset({"id", "comment"}), _ABOUT),
    "alerts.in_service": (frozenset({"id"}), _ABOUT),
    "maintenance.open": (frozenset({"device", "kind", "for_ms"}), frozenset({"comment", "by"})),
    "maintenance.close": (frozenset({"device"}), frozenset({"comment", "by"})),
}
_TAKEN = _DESK | {TEST_CHANNEL: (frozenset({"channel"}), frozenset({"person", "by"}))}
#: The commands that the desk carries out.
COMMANDS = tuple(_DESK)
_TYPES: dict[str, type] = {"for_ms": int, "one_shot": bool}


class ActError(Exception):
    """A command that is not done: ``status`` 409 (not now), 422 (wrong arguments) or 404 (unknown alert)."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class Bounds(NamedTuple):
    """The longest shelf and the longest maintenance session."""

    shelf_most_ms: int
    session_most_ms: int


class Args(msgspec.Struct, frozen=True):
    """The arguments of a command of the desk; what was not given is empty."""

    id: str = ""
    reason: str = ""
    comment: str = ""
    by: str = ""
    for_ms: int = 0
    one_shot: bool = False
    to: str = ""
    file: str = ""
    device: str = ""
    kind: str = ""


def read(command: str, raw: Mapping[str, Any], bounds: Bounds) -> Args:
    """The arguments of a command of the desk. Raises ActError 422 that names all that is wrong."""
    if command not in _DESK:
        raise ActError(422, _unknown(command))
    faults = faults_of(command, raw, bounds)
    if faults:
        raise ActError(422, "; ".join(faults))
    return Args(**_given(raw))


def faults_of(command: str, raw: Mapping[str, Any], bounds: Bounds) -> list[str]:
    """Everything that is wrong with the arguments of a command in itself: each with name, value and what is allowed."""
    if command not in _TAKEN:
        return [_unknown(command)]
    required, optional = _TAKEN[command]
    taken, given = required | optional, _given(raw)
    others = [name for name in given if name not in taken]
    faults = [f"{shown(name)}: not taken by {command}" for name in others[:_NAMED]]
    if len(others) > _NAMED:
        faults.append(f"{len(others) - _NAMED} more names: not taken by {command}")
    blank = {name for name, value in given.items() if name != "to" and isinstance(value, str) and not value.strip()}
    faults += [f"{name}: missing" for name in sorted(required - (given.keys() - blank))]
    well = {name: given[name] for name in given if name in taken and _typed(name, given[name])}
    for name in sorted((given.keys() & taken) - well.keys()):
        wanted = _TYPES.get(name)
        faults.append(f"{name}: {shown(given[name])} is not {'a text' if wanted is None else wanted.__name__}")
    return [*faults, *_values(command, well, given, bounds), *_link(raw.get("link"))]


def person_id(written: object) -> str | None:
    """The id of a person as ``by`` and ``to`` name one, with or without ``person:``; None where it is no id."""
    name = written.removeprefix("person:") if isinstance(written, str) else ""
    return name if _PERSON.fullmatch(name) else None


def shown(value: object) -> str:
    """A wrong value for people: short, and in one line, whatever was given."""
    if isinstance(value, dict | list | tuple):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and not -_OFFSETS <= value < _OFFSETS:
        return "a number of more than 63 bits"
    text = value if isinstance(value, str) and value and value.isprintable() else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _unknown(command: str) -> str:
    return f"command: {shown(command)} is not known; allowed: {', '.join(_DESK)}"


def _given(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What was really given: forms send empty texts, programs null; an empty ``to`` means nobody."""
    named = ((name, value) for name, value in raw.items() if name != "link")
    return {name: value for name, value in named if value is not None and (value != "" or name == "to")}


def _typed(name: str, value: object) -> bool:
    wanted = _TYPES.get(name)
    return isinstance(value, str) if wanted is None else type(value) is wanted


def _values(command: str, well: dict[str, Any], given: dict[str, Any], bounds: Bounds) -> Iterator[str]:
    """Faults of the arguments that have the right type; ``given`` are all."""
    reason, comment, file = well.get("reason"), well.get("comment", ""), well.get("file")
    if reason is not None and reason not in CLOSE_REASONS:
        yield f"reason: {shown(reason)} is not known; allowed: {', '.join(CLOSE_REASONS)}"
    if reason == Reason.OTHER and not comment.strip():
        yield "comment: missing; the reason other needs one"
    if len(comment) > MOST_COMMENT:
        yield f"comment: {len(comment)} characters; at most {MOST_COMMENT}"
    if not _encodes(comment):
        yield "comment: not Unicode text"
    if file is not None and not _SHA256.fullmatch(file):
        yield "file: not a SHA-256 of 64 hexadecimal digits in small letters"
    yield from _names(well)
    if "kind" in well and well["kind"] not in set(Work):
        yield f"kind: {shown(well['kind'])} is not known; allowed: {', '.join(Work)}"
    yield from _times(command, well, given, bounds)


def _times(command: str, well: dict[str, Any], given: dict[str, Any], bounds: Bounds) -> Iterator[str]:
    if command == "alerts.shelve" and "for_ms" not in given and not given.get("one_shot"):
        yield "for_ms: missing; or one_shot: true, until the condition is over"
    if "for_ms" in well:
        session = command == "maintenance.open"
        least, most = (MINUTE_MS, bounds.session_most_ms) if session else (1, bounds.shelf_most_ms)
        if not least <= well["for_ms"] <= most:
            yield f"for_ms: {shown(well['for_ms'])}; allowed: {least} to {most}"


def _names(well: dict[str, Any]) -> Iterator[str]:
    """Faults of what names alerts, devices, channels and people: no names or numbers of persons get into a record."""
    for name in ("id", "device", "channel"):
        value = well.get(name, "")
        if len(value) > MOST_ID:
            yield f"{name}: {len(value)} characters; at most {MOST_ID}"
        elif not _encodes(value):
            yield f"{name}: not Unicode text"
    if well.get("device") == "gateway":
        yield "device: gateway is not a device"
    for name in ("by", "to", "person"):
        value = well.get(name, "")
        if value and (person_id(value) is None or (name != "by" and ":" in value)):
            yield f"{name}: {shown(value)} is not the id of a person; allowed: letters, digits, _ . -, 1 to 64"


def _link(link: object) -> Iterator[str]:
    if link is None:
        return
    whole = isinstance(link, list | tuple) and len(link) == 2
    if not (whole and all(type(one) is int and 0 <= one < _OFFSETS for one in link)):  # type: ignore[attr-defined]
        yield f"link: {shown(link)}; allowed: offset and number of a message"


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
