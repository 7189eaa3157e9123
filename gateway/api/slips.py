"""A manifest in words, as its page and its PDF show it: parts, containers, QR code and the day's ledger code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import msgspec

from custody.container import Container
from custody.fact import Party
from custody.manifest import Manifest, Part, weighed
from gateway.api.auth import Principal
from gateway.api.context import Context
from gateway.api.custody_names import Names
from gateway.api.ledger_head import of_time
from gateway.api.pages import texts
from gateway.api.persons import names_of
from gateway.api.times import print_time
from gateway.printing.content import Part as PaperPart
from gateway.printing.content import Rows, Slip

_HEAD = ("no", "id", "category", "department", "moved_kg", "received_kg", "fate")
_WIDE = (0.6, 2.4, 1.2, 1.7, 1, 1, 1.5)


def slip(context: Context, caller: Principal, found: Manifest, language: str) -> Slip:
    """The manifest in a language. Reads the state."""
    return _Writer(context, caller, found, language).slip()


def link_of(context: Context, name: str) -> str:
    """What the QR code says: the address of the manifest where the gateway has a public one, else its id."""
    public = context.services.settings.http.public_url
    return f"{public}/manifests/{name}" if public else f"manifest:{name}"


class _Writer:
    def __init__(self, context: Context, caller: Principal, found: Manifest, language: str) -> None:
        self._context, self._found, self._language = context, found, language
        self._words, self._custody = texts(language)["print"], texts(language)["custody"]
        self._names = Names(context)
        self._zone = context.services.settings.zone
        containers = context.services.histories().containers(line.id for line in found.lines)
        weighed(found, containers)
        self._of: dict[str, Container] = {known.v: one for one in containers for known in one.ids}
        #: Where the manifest's own events do not say who gave the waste away, its producer did.
        producers = {one.unit for one in containers if one.unit}
        self._consignor = found.consignor or (producers.pop() if len(producers) == 1 else "")
        parties = [
            party
            for part in (found.mover, found.carrier, found.arrived, found.receiver, found.confirmed)
            if part is not None
            for party in (part.by, part.with_)
            if party is not None
        ]
        with context.services.engine.connect() as connection:
            self._people = names_of(connection, caller, (party.person for party in parties))
            self._head = of_time(connection, *self._day())

    def slip(self) -> Slip:
        found, words = self._found, self._words
        state = self._custody["manifest_states"].get(found.state, found.state)
        last = next((one.at for one in (found.confirmed, found.receiver, found.arrived, found.carrier) if one), None)
        return Slip(
            title=words["title"],
            number=found.id,
            state=state if last is None else f"{state} · {self._time(last)}",
            code="—" if self._head is None else self._head["code"],
            code_name=words["no_head"] if self._head is None else f"{words['head']} {self._time(self._head['at'])}",
            link=link_of(self._context, found.id),
            parts=[self._mover(), self._carrier(), self._receiver()],
            tables=[self._by_category(), self._containers()],
            notes=self._notes(),
            page=words["page"],
        )

    def _day(self) -> tuple[int, int]:
        """Begin and end of the local day on which the load left, else on which the manifest was opened."""
        begun = self._found.carrier or self._found.mover
        at = self._context.services.clock.now_ms() if begun is None else begun.at
        day = datetime.fromtimestamp(at / 1000, self._zone).date()
        ends = (datetime.combine(one, time(), self._zone) for one in (day, day + timedelta(days=1)))
        begin, end = (round(one.timestamp() * 1000) for one in ends)
        return begin, end

    def _mover(self) -> PaperPart:
        found, words, part = self._found, self._words, self._found.mover
        body = self._names.body("units", self._consignor)
        facts = [
            (words["unit"], self._name("units", self._consignor)),
            (words["credit_code"], str(body.get("credit_code") or "")),
            (words["grid"], self._name("grid", part.spot.grid.partition("/")[0]) if part else ""),
            *self._who(part),
            (words["count"], str(len(found.lines))),
            (words["weight"], self._kg(found.net_g)),
        ]
        return PaperPart(words["mover"], facts, (words["sign"], words["date"]))

    def _carrier(self) -> PaperPart:
        found, words = self._found, self._words
        unit = found.carrier.unit if found.carrier else ""
        plate = self._names.body("vehicles", found.vehicle).get("plate") or ""
        facts = [
            (words["unit"], self._name("units", unit)),
            (words["vehicle"], " ".join(dict.fromkeys(text for text in (str(plate), found.vehicle) if text))),
            *self._who(found.carrier),
            (words["arrived"], self._time(found.arrived.at) if found.arrived else ""),
        ]
        return PaperPart(words["carrier"], facts, (words["sign"], words["date"]))

    def _receiver(self) -> PaperPart:
        found, words = self._found, self._words
        unit = found.receiver.unit if found.receiver else found.confirmed.unit if found.confirmed else ""
        facts = [
            (words["unit"], self._name("units", unit)),
            *self._who(found.receiver),
            (words["received_count"], str(found.received) if found.receiver else ""),
            (words["received_weight"], self._kg(found.received_g) if found.receiver else ""),
            (words["confirmed"], self._time(found.confirmed.at) if found.confirmed else ""),
        ]
        return PaperPart(words["receiver"], facts, (words["sign"], words["date"]))

    def _who(self, part: Part | None) -> list[tuple[str, str]]:
        words = self._words
        return [
            (words["place"], self._name("places", part.spot.place) if part else ""),
            (words["time"], self._time(part.at) if part else ""),
            (words["by"], self._party(part.by if part else None)),
            (words["with"], self._party(part.with_ if part else None)),
        ]

    def _party(self, party: Party | None) -> str:
        if party is None:
            return ""
        return " · ".join(text for text in (self._people.get(party.person, ""), party.badge or party.person) if text)

    def _by_category(self) -> Rows:
        words, sums = self._words, dict[str, list[Any]]()
        for line in self._found.lines:
            one = sums.setdefault(line.category, [0, 0, True])
            one[0] += 1
            one[1] += line.net_g or 0
            one[2] &= line.net_g is not None
        rows = [
            (self._category(name), str(number), self._kilos(grams if whole else None))
            for name, (number, grams, whole) in sorted(sums.items())
        ]
        head = (words["category"], words["count"], words["moved_kg"])
        return Rows(words["by_category"], head, rows, (3, 1, 1), frozenset({1, 2}))

    def _containers(self) -> Rows:
        words, found = self._words, self._found
        rows = [
            (
                str(number),
                line.id,
                self._category(line.category),
                self._name("places", self._of[line.id].department) if line.id in self._of else "",
                self._kilos(line.net_g),
                self._kilos(line.received_g),
                words["fates"].get(line.fate, line.fate),
            )
            for number, line in enumerate(found.lines, start=1)
        ]
        total = (
            "",
            words["total"].format(n=len(rows)),
            "",
            "",
            self._kilos(found.net_g),
            self._kilos(found.received_g),
            "",
        )
        return Rows(words["containers"], [words[name] for name in _HEAD], rows, _WIDE, frozenset({4, 5}), total)

    def _notes(self) -> Sequence[str]:
        words, found = self._words, self._found
        notes = [words["group"].format(n=len(one.ids), kg=self._kilos(one.net_g)) for one in found.groups]
        if found.surplus:
            notes.append(f"{words['surplus']}: {', '.join(found.surplus)}")
        if found.others:
            units = ", ".join(sorted({self._name("units", unit) for _, unit in found.others}))
            notes.append(f"{words['others']}: {units}")
        return [*notes, words["note"]]

    def _category(self, name: str) -> str:
        return str(self._custody["categories"].get(name, name))

    def _name(self, section: str, name: str) -> str:
        found = self._names.of(section, name)
        if isinstance(found, dict):
            found = found.get(self._language) or found.get("zh") or found.get("en") or name
        return str(found or "")

    def _time(self, ms: int) -> str:
        written = print_time(ms, self._zone)
        return f"{written[:10]} {written[11:19]}"

    def _kg(self, grams: int | None) -> str:
        return "" if grams is None else str(self._words["kg"].format(kg=self._kilos(grams)))

    @staticmethod
    def _kilos(grams: int | None) -> str:
        """Kilograms with all three places, through no float."""
        return "" if grams is None else f"{grams // 1000}.{grams % 1000:03d}"


def as_document(found: Slip) -> dict[str, Any]:
    """A slip as its page gets it; the first table with ids says in which column they are (``linked``)."""
    document: dict[str, Any] = msgspec.to_builtins(found)
    for table in document["tables"]:
        table["linked"] = table["head"][1] if len(table["head"]) == len(_HEAD) else ""
        table["numbers"] = sorted(table["numbers"])
    return document
