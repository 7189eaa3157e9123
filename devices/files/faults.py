"""Faults of registry files: where, what was read, what is allowed, as one line in Chinese or English."""

from __future__ import annotations

import difflib
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import BaseModel, ValidationError

from devices.fields import PROBLEMS
from devices.files.words import SECTIONS_ZH, VALUES_ZH

#: A path into an entry: ("channels", 2, "unit").
Path = tuple[str | int, ...]

Language = Literal["zh", "en"]

#: A value longer than this is cut in a fault's line.
_SHOWN = 60


class Spot(msgspec.Struct, frozen=True):
    """A place in a file: ``sheet`` is a sheet, CSV file or section, ``row`` a row (of a text: a ``line``; 0 = none)."""

    sheet: str = ""
    row: int = 0
    column: str = ""
    line: bool = False


class Fault(msgspec.Struct, frozen=True):
    """One fault; ``problem`` is a key of ``devices.fields.PROBLEMS``, ``value`` the text that was read."""

    sheet: str
    row: int
    column: str
    value: str
    problem: str
    allowed: str = ""
    #: ``section.key`` of the value, where it has words of its own (``units.kind``).
    key: str = ""
    #: Rows are lines of a text.
    lines: bool = False

    def line(self, language: Language = "en") -> str:
        """The fault in one line that names sheet, row, column, value and what is allowed."""
        zh = language == "zh"
        allowed = self.allowed
        if zh and self.problem in {"dangling", "sheet", "choice", "parameter"}:
            words = VALUES_ZH.get(self.key, {})
            allowed = "、".join(
                SECTIONS_ZH.get(one) or "/".join((*words.get(one, ())[:1], one)) for one in allowed.split(", ")
            )
        problem = PROBLEMS[self.problem][1 if zh else 0].format(allowed=allowed)
        shown = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}…"
        shown = " ".join(shown.split())
        where = [self.sheet] if self.sheet else []
        if self.row:
            where.append(f"第{self.row}行" if zh else f"{'line' if self.lines else 'row'} {self.row}")
        if self.column:
            where.append(f"“{self.column}”列" if zh else f"column {self.column}")
        place = "" if not where else " ".join(where) + "：" if zh else ", ".join(where) + ": "
        value = "" if not shown else f"“{shown}”" if zh else f"{shown!r} "
        return f"{place}{value}{problem}".rstrip()

    def __str__(self) -> str:
        return self.line("en")


def fault_at(spot: Spot, value: object, problem: str, allowed: str = "", key: str = "") -> Fault:
    """A fault of ``value`` at ``spot``."""
    shown = "" if value is None else str(value)
    return Fault(spot.sheet, spot.row, spot.column, shown, problem, allowed, key, spot.line)


#: pydantic's own refusals: (problem, which of its context is allowed).
_KNOWN: dict[str, tuple[str, str]] = {
    "missing": ("required", ""),
    "float_parsing": ("number", ""),
    "float_type": ("number", ""),
    "finite_number": ("number", ""),
    "int_parsing": ("integer", ""),
    "int_type": ("integer", ""),
    "int_from_float": ("integer", ""),
    "int_parsing_size": ("integer", ""),
    "greater_than_equal": ("number", ">= {ge}"),
    "less_than_equal": ("number", "<= {le}"),
    "list_type": ("list", "a, b, c"),
    "too_short": ("list", "{min_length}"),
    "too_long": ("list", "{max_length}"),
    "dict_type": ("mapping", "key=value; key=value"),
    "model_type": ("mapping", "{{key: value}}"),
    "model_attributes_type": ("mapping", "{{key: value}}"),
    "string_type": ("text", "200"),
    "string_too_long": ("text", "{max_length}"),
}


def refusals(error: ValidationError, model: type[BaseModel]) -> list[tuple[Path, Any, str, str]]:
    """(path, value, problem, allowed) of each refusal of an entry by ``model``."""
    found: list[tuple[Path, Any, str, str]] = []
    for one in error.errors(include_url=False):
        path, what, context = one["loc"], one["type"], one.get("ctx", {})
        if what in PROBLEMS:
            found.append((path, one["input"], what, str(context.get("allowed", ""))))
        elif what == "literal_error":
            allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
            found.append((path, one["input"], "choice", allowed))
        elif what == "extra_forbidden":
            known = keys_at(model, path[:-1])
            near = difflib.get_close_matches(str(path[-1]), known, n=1)
            allowed = ", ".join(near + [key for key in known if key not in near])
            found.append((path, path[-1], "unknown_key", allowed))
        elif what in _KNOWN:
            problem, allowed = _KNOWN[what]
            found.append((path, None if what == "missing" else one["input"], problem, allowed.format(**context)))
        else:
            found.append((path, one["input"], "wrong", one["msg"]))
    return found


def keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that an entry of ``model`` may have at a path, as files spell them."""
    at: Any = model
    for step in path:
        inner = [kind for kind in parts_of(at) if kind is not type(None)]
        if isinstance(at, type) and issubclass(at, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in at.model_fields.items()}
            at = fields.get(str(step))
        else:
            at = inner[-1] if inner else None
        at = next((kind for kind in parts_of(at) if is_model(kind)), at) if get_origin(at) in _UNIONS else at
    if not is_model(at):
        return []
    return [field.alias or name for name, field in at.model_fields.items()]


_UNIONS = (Union, UnionType)


def parts_of(kind: object) -> tuple[Any, ...]:
    """The arguments of a generic type."""
    return get_args(kind)


def is_model(kind: object) -> bool:
    """Whether a type is a model with keys."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)
