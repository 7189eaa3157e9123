"""What of a pack that has faults can be judged all the same, so that every fault is said at once (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from alerts.pack import Limit, Pack, Rule
from alerts.values import Identifier

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
#: Without one of these nothing is known of a rule but its id.
_NEEDED = frozenset({"condition", "parameter", "parameters", "quantity"})
#: What stands in for a faulty value that a rule cannot do without. Nothing is said that follows from it: no severity
#: is above ``critical``.
_STAND_INS: Mapping[str, object] = {"id": "-", "title": {"zh": "-", "en": "-"}, "severity": "critical"}
_KEYS = frozenset(info.alias or name for name, info in Rule.model_fields.items())


class Entries(NamedTuple):
    """The parts of a pack by their place in the file.

    ``faulty`` are the keys of a rule that have a fault, whose values are left out or stood in for; a rule without
    any is not in it. ``ids`` are those of all rules, also of those that cannot be judged. ``unsure`` are the profiles
    with faults. ``named`` is whether the names of all profiles are known.
    """

    rules: Mapping[int, Rule]
    ids: Mapping[int, str]
    profiles: Mapping[str, Mapping[int, Limit]]
    faulty: Mapping[int, frozenset[str]] = {}
    unsure: frozenset[str] = frozenset()
    named: bool = True

    def may_lack(self, index: int) -> bool:
        """Whether a key that a rule seems to lack may be one that is written wrong."""
        return not self.faulty.get(index, frozenset()) <= _KEYS


def of_pack(pack: Pack) -> Entries:
    """The parts of a pack whose values are sound, each by itself."""
    return Entries(
        dict(enumerate(pack.rules)),
        {index: rule.id for index, rule in enumerate(pack.rules)},
        {name: dict(enumerate(limits)) for name, limits in pack.profiles.items()},
    )


def of_data(data: object) -> Entries:
    """The same of a document that is not a sound pack, whatever it is."""
    raw: Mapping[Any, Any] = data if isinstance(data, Mapping) else {}
    profiles, unsure = _profiles(raw.get("profiles"))
    rules: dict[int, Rule] = {}
    ids: dict[int, str] = {}
    faulty: dict[int, frozenset[str]] = {}
    written = raw.get("rules")
    for index, one in enumerate(written if isinstance(written, list) else []):
        if isinstance(one, Mapping) and _is_identifier(one.get("id")):
            ids[index] = one["id"]
        rule, keys = _mended(one)
        if rule is not None:
            rules[index] = rule
            if keys:
                faulty[index] = keys
    return Entries(rules, ids, profiles, faulty, unsure, _all_named(raw))


def _all_named(raw: Mapping[Any, Any]) -> bool:
    if "profiles" not in raw:
        return raw.keys() <= {info.alias or name for name, info in Pack.model_fields.items()}
    written = raw["profiles"]
    return isinstance(written, Mapping) and all(map(_is_identifier, written))


def _profiles(written: object) -> tuple[dict[str, dict[int, Limit]], frozenset[str]]:
    found: dict[str, dict[int, Limit]] = {}
    unsure = set()
    for name, limits in (written if isinstance(written, Mapping) else {}).items():
        entries = found.setdefault(str(name), {})
        for index, one in enumerate(limits if isinstance(limits, list) else []):
            try:
                entries[index] = Limit.model_validate(one)
            except ValidationError:
                unsure.add(str(name))
        if not isinstance(limits, list) or not _is_identifier(name):
            unsure.add(str(name))
    return found, frozenset(unsure)


def _mended(written: object) -> tuple[Rule | None, frozenset[str]]:
    """A rule with what is faulty left out or stood in for, and the keys of that; None where it cannot be judged."""
    try:
        return Rule.model_validate(written), frozenset()
    except ValidationError as error:
        places = [item["loc"] for item in error.errors(include_url=False, include_context=False)]
    keys = frozenset(str(place[0]) for place in places if place)
    if not isinstance(written, Mapping) or not all(places) or keys & _NEEDED:
        return None, keys
    kept = {name: value for name, value in written.items() if str(name) not in keys}
    kept |= {name: _STAND_INS[name] for name in keys & _STAND_INS.keys()}
    try:
        return Rule.model_validate(kept), keys
    except ValidationError:
        return None, keys


def _is_identifier(written: object) -> bool:
    try:
        _IDENTIFIER.validate_python(written, strict=True)
    except ValidationError:
        return False
    return True
