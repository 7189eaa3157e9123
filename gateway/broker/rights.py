"""Who may publish and read what at the broker: accounts from registry and credentials, and the ACL file (pure).

A device's user name is its id. Foreign devices that share one user name (a registry source) have the account
``source-ID``. What an account may do:

- the gateway reads what devices send, under the root and by the filters of the sources, and the broker's counters; it
  writes its own marker and replies;
- a device writes ``{root}/+/{id}/up/#`` and reads ``{root}/+/{id}/down/#``, and writes what a source's filter says of
  it, where the device is a level of the topic (``topic[i]``) or named by the source (``=id``);
- ``source-ID`` writes the source's filter, but nothing under the root;
- ``hygeia-health`` reads the broker's uptime.

A right that would let a device speak as another one is left out and told as a remark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from devices.registry import Registry

HEALTH = "hygeia-health"
SOURCE = "source-"
UPTIME = "$SYS/broker/uptime"


class Credential(NamedTuple):
    """What is in force of one account: ``digest`` empty = no password, ``serial`` empty = no certificate."""

    name: str
    version: int
    digest: str
    serial: str


class Gateway(NamedTuple):
    """How the gateway itself is known at the broker."""

    user: str
    client_id: str
    root: str


class Right(NamedTuple):
    """One line: ``access`` is read, write, readwrite or deny."""

    access: str
    filter: str


class Rights(NamedTuple):
    """The rights of each account by its user name, and what could not be granted, a line each."""

    accounts: dict[str, list[Right]]
    remarks: list[str]


def reserved(name: str, gateway: Gateway) -> str | None:
    """Why a device may not have ``name`` as its account, None where it may.

    The session of a device is called as its user is: one called as the gateway's session would take that over.
    """
    if name in {gateway.user, gateway.client_id, HEALTH}:
        return f"{name!r} is an account of the gateway itself; a device at the broker needs another id"
    if name.startswith(SOURCE):
        return f"{name!r}: accounts that begin with {SOURCE!r} are those of sources; a device needs another id"
    return None


def rights_of(registry: Registry, credentials: Iterable[Credential], gateway: Gateway) -> Rights:
    """The rights of the gateway and of every account that is registered and has a credential in force."""
    sources = {name: source for name in registry.ids("sources") if (source := registry.get("sources", name))}
    remarks = [*_unwritable(sources), *_ambiguous(sources)]
    sources = {name: source for name, source in sources.items() if _plain(source["filter"])}
    accounts = {HEALTH: [Right("read", UPTIME)], gateway.user: _gateway(gateway, sources)}
    covering = [name for name, source in sources.items() if overlap(source["filter"], f"{gateway.root}/#")]
    remarks += [
        f"source {name}: its filter covers topics of {gateway.root}; devices get no right for it, narrow the filter"
        for name in covering
    ]
    own = {name: source for name, source in sources.items() if name not in covering}
    for one in sorted(credentials):
        source_id = one.name.removeprefix(SOURCE)
        if source_id != one.name:
            if source_id in sources:
                accounts[one.name] = _shared(sources[source_id], gateway)
        elif registry.knows("devices", one.name) and reserved(one.name, gateway) is None:
            accounts[one.name] = _device(one.name, own, gateway)
    return Rights(accounts, remarks)


def _gateway(gateway: Gateway, sources: Mapping[str, dict[str, Any]]) -> list[Right]:
    return [
        Right("read", f"{gateway.root}/+/+/up/#"),
        *(Right("read", pattern) for pattern in sorted({source["filter"] for source in sources.values()})),
        Right("read", "$SYS/broker/#"),
        Right("readwrite", f"{gateway.root}/_/{gateway.client_id}/down/marker"),
        Right("write", f"{gateway.root}/+/+/down/reply"),
    ]


def _device(name: str, sources: Mapping[str, dict[str, Any]], gateway: Gateway) -> list[Right]:
    found = {pattern for source in sources.values() if (pattern := narrowed(source, name)) is not None}
    return [
        Right("write", f"{gateway.root}/+/{name}/up/#"),
        Right("read", f"{gateway.root}/+/{name}/down/#"),
        *(Right("write", pattern) for pattern in sorted(found)),
    ]


def _shared(source: dict[str, Any], gateway: Gateway) -> list[Right]:
    under = f"{gateway.root}/#"
    denied = [Right("deny", under)] if overlap(source["filter"], under) else []
    return [*denied, Right("write", source["filter"])]


def narrowed(source: dict[str, Any], device: str) -> str | None:
    """The part of a source's filter that is ``device`` alone; None where there is none, or only the payload tells."""
    rule, pattern = source["device"], source["filter"]
    if rule.startswith("="):
        return pattern if rule[1:] == device else None
    if not rule.startswith("topic["):
        return None
    levels, index = pattern.split("/"), int(rule[6:-1])
    open_end = levels[-1] == "#" and index >= len(levels) - 1
    if open_end:
        return "/".join([*levels[:-1], *["+"] * (index - len(levels) + 1), device, "#"])
    if levels[index] not in {"+", device}:
        return None
    return "/".join([*levels[:index], device, *levels[index + 1 :]])


def overlap(one: str, other: str) -> bool:
    """Whether any topic is matched by both filters."""
    left, right = one.split("/"), other.split("/")
    if "$" in {left[0][:1], right[0][:1]} and {left[0], right[0]} & {"+", "#"}:
        return False
    for a, b in zip(left, right, strict=False):
        if "#" in {a, b}:
            return True
        if "+" not in {a, b} and a != b:
            return False
    longer = left[len(right) :] or right[len(left) :]
    return not longer or longer == ["#"]


def _plain(pattern: str) -> bool:
    """Whether a filter can stand in a line of the ACL file."""
    return pattern.isprintable() and pattern == pattern.strip()


def _unwritable(sources: Mapping[str, dict[str, Any]]) -> list[str]:
    return [
        f"source {name}: its filter has blanks at an end or characters that are not printable; it gets no right"
        for name, source in sources.items()
        if not _plain(source["filter"])
    ]


def _ambiguous(sources: Mapping[str, dict[str, Any]]) -> list[str]:
    """Sources of which a topic may be either: a device of the one could speak as a device of the other."""
    names = sorted(sources)
    return [
        f"sources {one} and {other}: a topic may belong to both; a device of one may speak as one of the other"
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if sources[one]["device"] != sources[other]["device"]
        and overlap(sources[one]["filter"], sources[other]["filter"])
    ]


def acl(rights: Mapping[str, list[Right]]) -> str:
    """The ACL file. Nobody else has any right: there is no line before the first user."""
    blocks = ["# Written by 'hygeia broker config'; what is changed here is lost."]
    for name in sorted(rights):
        lines = [f"user {name}", *(f"topic {right.access} {right.filter}" for right in rights[name])]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
