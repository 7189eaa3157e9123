"""Columns of the tables (XLSX sheets, CSV files): their paths, headings in both languages and words for values.

English headings are the dotted keys of DESIGN 4.6 (``certificate.until``), so that nobody has to learn two names.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from devices.fields import Instant
from devices.files.faults import Language, Path, is_model, parts_of
from devices.files.words import COLUMNS_ZH, SECTIONS_ZH, VALUES_ZH
from devices.sections import MODELS, SHEETS

#: In ``device_from`` and its like: the period of the entry that has no ``from``.
ALWAYS = "-"
#: Headings of a column that is only for people.
REMARK: Mapping[Language, str] = {"zh": "备注", "en": "remark"}
_REMARK = re.compile(r"(备注|remarks?)\b.*", re.IGNORECASE | re.DOTALL)


class Column(msgspec.Struct, frozen=True):
    """One column; ``shape`` says how a cell holds the value, ``values`` the words that stand for an allowed one."""

    path: Path
    zh: str
    shape: Literal["text", "list", "map", "time", "time_utc"] = "text"
    required: bool = False
    allowed: tuple[str, ...] = ()
    values: Mapping[str, str] = {}

    @property
    def en(self) -> str:
        """The English heading."""
        return ".".join(str(step) for step in self.path)

    def heading(self, language: Language) -> str:
        """The heading in a language."""
        return self.zh if language == "zh" else self.en


_INSTANT = get_args(Instant)[1:]


@functools.cache
def columns_of(section: str) -> tuple[Column, ...]:
    """The columns of a section, or of a sheet for a list of its entries (``devices.sections.SHEETS``)."""
    rows = SHEETS.get(section)
    if rows is not None:
        since = since_of(rows.owner)
        own = Column((rows.owner,), COLUMNS_ZH[f"{section}.{rows.owner}"], required=True)
        return (own, Column((since,), COLUMNS_ZH[f"{section}.{since}"], "time"), *_walk(section, rows.model, ()))
    return tuple(_walk(section, MODELS[section], ()))


def since_of(owner: str) -> str:
    """The column that says which period of its owner a row belongs to, by that period's ``from``."""
    return f"{owner}_from"


def _walk(section: str, model: type[BaseModel], above: Path) -> list[Column]:
    columns: list[Column] = []
    for name, field in model.model_fields.items():
        path = (*above, field.alias or name)
        inner = next((part for part in (field.annotation, *parts_of(field.annotation)) if is_model(part)), None)
        if len(path) == 1 and any(rows.section == section and rows.key == path[0] for rows in SHEETS.values()):
            continue
        if inner is not None:
            columns += _walk(section, inner, path)
        elif path == ("name",) and section != "channels":
            columns += [_column(section, (*path, *language), field) for language in ((), ("zh",), ("en",))]
        else:
            columns.append(_column(section, path, field))
    ahead = ("id", "name", "name.zh", "name.en")
    places = {heading: place for place, heading in enumerate(ahead)}
    return sorted(columns, key=lambda column: places.get(column.en, len(places)))


def _column(section: str, path: Path, field: FieldInfo) -> Column:
    dotted = ".".join(str(step) for step in path)
    kinds = [field.annotation, *parts_of(field.annotation)]
    shape: Any = "text"
    if any(get_origin(kind) is list for kind in kinds):
        shape = "list"
    elif any(get_origin(kind) is dict for kind in kinds) and path[0] != "name":
        shape = "map"
    elif Instant in kinds or any(one in _INSTANT for one in field.metadata):
        shape = "time"
    elif path == ("earliest",):
        shape = "time_utc"
    words = VALUES_ZH.get(f"{section}.{dotted}", {})
    allowed = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), ()) or tuple(words)
    zh = COLUMNS_ZH.get(f"{section}.{dotted}") or COLUMNS_ZH[dotted]
    required = field.is_required() and len(path) == 1 and path[0] != "name"
    return Column(
        path, zh, shape, required, allowed, {normal(word): name for name, all_ in words.items() for word in all_}
    )


def normal(text: str) -> str:
    """Text as headings and words are compared: full width as half width, no case, no spaces, no mark of duty."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).rstrip("*").casefold()


@functools.cache
def headings_of(section: str) -> Mapping[str, Column]:
    """Every heading that is understood in a section, as ``normal`` writes it."""
    found: dict[str, Column] = {}
    for column in columns_of(section):
        for heading in (column.en, column.zh, re.sub(r"[（(].*", "", column.zh)):
            found.setdefault(normal(heading), column)
    return found


@functools.cache
def sheets() -> Mapping[str, str]:
    """Section (or ``channels``) by every sheet name that is understood."""
    return {normal(word): section for section, zh in SECTIONS_ZH.items() for word in (section, zh)}


def is_remark(heading: str) -> bool:
    """Whether a column is only for people: the one that ``--remarks`` adds."""
    return _REMARK.fullmatch(heading.strip()) is not None


def language_of(headings: Iterable[str]) -> Language:
    """The language of a table: Chinese where any heading is."""
    return "zh" if any("\u4e00" <= letter <= "\u9fff" for heading in headings for letter in heading) else "en"
