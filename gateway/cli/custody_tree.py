"""The history of one container as a tree for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from rich.text import Text
from rich.tree import Tree

from custody.words import CATEGORIES, STATES, STEPS
from devices.observation import QUANTITIES
from gateway.api.times import print_time
from gateway.cli import custody_words as words
from gateway.cli.custody_words import label
from gateway.cli.language import STATES as ALERT_STATES
from gateway.cli.language import pick

_Document = Mapping[str, Any]
#: So long after it happened an event may be received without a word about it.
_SOON_MS = 60_000
#: Of what is inside a bin so many are named.
_MOST = 20
#: Control characters are shown by their pictures.
_PICTURES = (
    {n: 0x2400 + n for n in range(32)} | {0x7F: 0x2421} | dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}")
)


def tree(container: _Document, zone: tzinfo) -> Tree:
    """A tree of the container's document (``GET /api/v1/containers/{id}``)."""
    made = Tree(_line(_head(container), "bold"))
    if container["as_known_at"] is not None:
        made.add(_line(f"{label('as_known_at')} {print_time(container['as_known_at'], zone)}"))
    for line in _facts(container, zone):
        made.add(_line(line))
    _conditions(made, container, zone)
    events = made.add(_line(f"{label('events')} ({len(container['events'])})", "bold"))
    for event in container["events"]:
        _event(events, event, container["names"], zone)
    _alerts(made, container["alerts"], zone)
    return made


def _head(container: _Document) -> str:
    parts = [
        container["id"],
        words.say(STATES, container["state"]),
        words.say(CATEGORIES, container["category"]),
    ]
    if container["net_g"] is not None:
        parts.append(_kilograms(container["net_g"]))
    return "  ".join(parts)


def _facts(container: _Document, zone: tzinfo) -> Iterator[str]:
    ids = ", ".join(" ".join(filter(None, (one["k"], one["v"], one["uri"]))) for one in container["ids"])
    yield f"{label('ids')}: {ids or container['id']}"
    yield f"{label('produced')}: {_joined(container['unit'], container['department'])}"
    yield f"{label('held')}: {_joined(container['holder'], container['keeper'])}"
    if container["place"]:
        yield f"{label('place')}: {container['place']}"
    for key in ("sealed_at", "stored_at"):
        if container[key] is not None:
            yield f"{label(key)}: {print_time(container[key], zone)}"
    for key in ("parent", "manifest", "vehicle"):
        if container[key]:
            yield f"{label(key)}: {container[key]}"
    if container["members"]:
        more = "…" if len(container["members"]) > _MOST else ""
        yield f"{label('members')} ({len(container['members'])}): {', '.join(container['members'][:_MOST])}{more}"
    if container["cycle"]:
        yield f"{label('cycle')}: {container['cycle']}"


def _conditions(made: Tree, container: _Document, zone: tzinfo) -> None:
    if not container["conditions"] and container["handover"] is None:
        return
    branch = made.add(_line(label("conditions"), "bold"))
    for one in container["conditions"]:
        known = QUANTITIES.get(one["quantity"])
        title = pick({"zh": known.title_zh, "en": known.title_en}) if known else one["quantity"]
        value = "" if one["value"] == 1 else f" {one['value']:.4g}"
        branch.add(_line(f"{title}{value}  {label('since')} {print_time(one['at'], zone)}  {one['place'] or ''}"))
    if container["handover"] is not None:
        branch.add(_line(f"{label('handover')} {container['handover']}"))


def _event(branch: Tree, event: _Document, names: Mapping[str, str], zone: tzinfo) -> None:
    taken = not event["counts"]
    parts = [
        print_time(event["ts"], zone),
        words.say(STEPS, event["step"]),
        event["place"] or event["device"],
        _who(event, names),
        _weight(event),
        label("seen" if event["seen"] else "inferred"),
    ]
    made = branch.add(_line("  ".join(part for part in parts if part), "strike" if taken else ""))
    for line in _more(event, names, zone):
        made.add(_line(line))


def _more(event: _Document, names: Mapping[str, str], zone: tzinfo) -> Iterator[str]:
    """What is said of an event only where there is something to say."""
    if event["taken_back_by"] is not None and not event["counts"]:
        yield f"{label('taken_back')} {event['taken_back_by']}"
    if event["flags"]:
        yield f"{label('flags')}: {', '.join(words.say(words.FLAGS, one) for one in event['flags'])}"
    for key in ("of", "reason", "parent", "manifest", "vehicle"):
        if event[key]:
            yield f"{label(key)}: {event[key]}"
    if event["approved_by"]:
        yield f"{label('approved')}: {_badge(event['approved_by'], names)}"
    if abs(event["received_at"] - event["ts"]) > _SOON_MS:
        yield f"{label('received_at')}: {print_time(event['received_at'], zone)}"
    if event["entry"] is not None:
        yield f"{label('entry')}: {event['entry']}"


def _alerts(made: Tree, alerts: Sequence[_Document], zone: tzinfo) -> None:
    if not alerts:
        return
    branch = made.add(_line(label("alerts"), "bold"))
    for one in alerts:
        state = pick(ALERT_STATES[one["state"]]) if one["state"] in ALERT_STATES else one["state"]
        begun = print_time(one["since"], zone)
        branch.add(_line(f"{begun}  {one['rule']}  {one['severity']}  {state}  {one['id']}"))


def _who(event: _Document, names: Mapping[str, str]) -> str:
    parties = [_badge(one, names) for one in (event["by"], event["with"]) if one is not None]
    return " + ".join(parties)


def _badge(party: _Document, names: Mapping[str, str]) -> str:
    name = names.get(party["person"])
    return f"{party['badge']} ({name})" if name else str(party["badge"])


def _weight(event: _Document) -> str:
    weight = event["weight"]
    if weight is None:
        return ""
    known = [
        f"{label(name)} {_kilograms(weight[f'{name}_g'])}"
        for name in ("net", "gross", "tare")
        if weight[f"{name}_g"] is not None
    ]
    more = [weight["scale"], words.say(words.MODES, weight["mode"]) if weight["mode"] not in {"", "scale"} else ""]
    if len(event["containers"]) > 1:
        more.append(f"{len(event['containers'])} {label('together')}")
    if not weight["usable"]:
        more.append(label("unusable"))
    beside = ", ".join(part for part in more if part)
    return f"{', '.join(known) or '-'}{f' [{beside}]' if beside else ''}"


def _kilograms(grams: int) -> str:
    return f"{grams // 1000}.{grams % 1000:03d} kg" if grams >= 0 else f"-{_kilograms(-grams)}"


def _joined(*parts: str | None) -> str:
    return ", ".join(part for part in parts if part) or "-"


def _line(text: str, style: str = "") -> Text:
    """One line: what a device sent must neither break the tree nor speak to the terminal."""
    return Text(text.translate(_PICTURES), style)
