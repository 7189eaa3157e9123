"""What people read of a rule: its title in both languages, where its limit comes from and whether it was verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from devices.lines import Lines
from devices.registry import SubjectParts

#: What is said of a rule that is the early warning of another one.
_EARLY = {"zh": "（预警）", "en": " (early warning)"}
_EARLY_SUFFIX = ".early"
_Rule = Mapping[str, Any]


class Origin(msgspec.Struct, frozen=True):
    """Where a limit comes from; ``verified`` False = nobody compared it with the text of its source."""

    source: str
    verified: bool


class RuleWords:
    """Packs as they are in force, read for their words only. An alert of an older version finds its rule by its id."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._profiles: dict[str, list[_Rule]] = {}
        self._rules: dict[tuple[str, str], _Rule] = {}
        for name, text in texts.items():
            data = Lines(text).data
            pack = data if isinstance(data, Mapping) else {}
            self._rules |= {(name, str(rule.get("id"))): rule for rule in _mappings(pack.get("rules"))}
            profiles = pack.get("profiles")
            for profile, limits in (profiles if isinstance(profiles, Mapping) else {}).items():
                self._profiles.setdefault(str(profile), []).extend(_mappings(limits))

    def title(self, pack: str, rule: str) -> dict[str, str] | None:
        """The title of a rule, None where no pack in force has it."""
        found = self._rules.get((pack, rule))
        early = found is None and rule.endswith(_EARLY_SUFFIX)
        if early:
            found = self._rules.get((pack, rule.removesuffix(_EARLY_SUFFIX)))
        title = found.get("title") if found is not None else None
        if not isinstance(title, Mapping):
            return None
        return {code: str(title.get(code, "")) + (_EARLY[code] if early else "") for code in _EARLY}

    def titles(self) -> Iterator[tuple[str, str]]:
        """Each rule's id with its title in both languages."""
        for (_, rule), written in self._rules.items():
            title = written.get("title")
            yield rule, " ".join(str(one) for one in title.values()) if isinstance(title, Mapping) else ""

    def origin(self, alert: Mapping[str, Any], where: SubjectParts) -> Origin | None:
        """Where the limit of an alert comes from, as far as the packs in force say; ``where`` is its place then."""
        value = alert["limit_value"]
        rule = self._rules.get((alert["pack"], alert["rule"].removesuffix(_EARLY_SUFFIX)))
        if rule is None or value is None:
            return None
        if "profile" in _values(rule.get("condition")):
            for limit in self._limits(alert["parameter"], where):
                if value in {limit.get("min"), limit.get("max")}:
                    return Origin(str(limit.get("source", "")), limit.get("verified") is True)
            return None
        return Origin(str(rule.get("source", "")), rule.get("verified") is True)

    def _limits(self, parameter: str, where: SubjectParts) -> Iterator[_Rule]:
        for limit in self._profiles.get(where.profile, []):
            kinds, disinfectants = limit.get("place_kinds"), limit.get("disinfectants")
            if (
                limit.get("parameter") == parameter
                and (not kinds or where.place_kind in kinds)
                and (not disinfectants or where.disinfectant in disinfectants)
            ):
                yield limit


class RuleWordsCache:
    """The newest ``RuleWords``, made again when the packs changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: Mapping[str, str] | None = None
        self._found = RuleWords({})

    def get(self, texts: Mapping[str, str]) -> RuleWords:
        """The ``RuleWords`` of ``texts``; reading a pack takes some ms, so call it from a thread."""
        with self._lock:
            if self._texts != texts:
                self._found = RuleWords(texts)
                self._texts = dict(texts)
            return self._found


def _mappings(written: object) -> list[_Rule]:
    return [one for one in written if isinstance(one, Mapping)] if isinstance(written, list) else []


def _values(written: object) -> list[object]:
    """Every plain value in a condition, however deep."""
    if isinstance(written, Mapping):
        return [value for part in written.values() for value in _values(part)]
    if isinstance(written, list):
        return [value for part in written for value in _values(part)]
    return [written]
