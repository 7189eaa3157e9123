"""What the answer of a platform means, as its configuration says: small conditions, no program (pure).

A condition is a table, all of whose keys hold together, or the same as a text:

    {status = [200, 201], json = {path = "$.code", equals = "0"}, contains = "ok", matches = "<code>0+</code>"}
    status < 300 and $.code = 0 and contains ok and matches <code>0+</code>

A path is ``$``, then ``.name`` and ``[0]``; what it finds is compared as text (``true``, ``false`` and ``null`` as in
JSON). Empty conditions never hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

_STEP = re.compile(r"\.([^.\[\]\s]+)|\[([0-9]{1,4})\]")
_PATH = re.compile(r"\$(?:\.[^.\[\]\s]+|\[[0-9]{1,4}\])*")
_ALLOWED = "allowed: status, json, contains, matches"


class Said(NamedTuple):
    """An answer as conditions see it: its text, and its JSON or None."""

    status: int
    text: str
    document: Any


def said(status: int, body: bytes, charset: str) -> Said:
    """An answer made ready for conditions."""
    text = body.decode(charset, "replace")
    try:
        return Said(status, text, msgspec.json.decode(text.encode()))
    except msgspec.MsgspecError:
        return Said(status, text, None)


Condition = Callable[[Said], bool]


def condition_of(written: str | Mapping[str, Any]) -> Condition:
    """Understand a condition. Raises ValueError that names the part and what is allowed."""
    if isinstance(written, str):
        parts = [_part(part.strip()) for part in re.split(r"\s+and\s+", written.strip()) if part.strip()]
    else:
        parts = [_key(name, value) for name, value in written.items()]
    return lambda answer: bool(parts) and all(part(answer) for part in parts)


def finder_of(written: str) -> Callable[[Said], str]:
    """How the provider's id is found: a path, or a pattern whose first group it is; empty finds nothing."""
    if not written:
        return lambda _answer: ""
    if written.startswith("$"):
        steps = _steps(written)
        return lambda answer: _shown(_at(answer.document, steps))
    pattern = _pattern(written)
    if not pattern.groups:
        raise ValueError(f"id {written!r} has no group; allowed: a path such as $.data.id, or a pattern with (…)")
    return lambda answer: found[1] or "" if (found := pattern.search(answer.text)) else ""


def _part(text: str) -> Condition:
    if match := re.fullmatch(r"status\s*(<|=)\s*([1-5][0-9][0-9])", text):
        number = int(match[2])
        return (lambda said: said.status < number) if match[1] == "<" else (lambda said: said.status == number)
    if match := re.fullmatch(r"(\$\S*)\s*=\s*(.*)", text):
        return _key("json", {"path": match[1], "equals": match[2].strip("\"'")})
    if match := re.fullmatch(r"(contains|matches)\s+(.+)", text, re.DOTALL):
        return _key(match[1], match[2].strip("\"'") if match[1] == "contains" else match[2])
    raise ValueError(f"{text!r} is no condition; {_ALLOWED}, as in: status < 300 and $.code = 0")


def _key(name: str, value: Any) -> Condition:  # noqa: ANN401 - a value of a configuration file
    if name == "status":
        allowed = frozenset([value] if isinstance(value, int) else value)
        return lambda said: said.status in allowed
    if name == "json" and isinstance(value, Mapping) and set(value) == {"path", "equals"}:
        steps, wanted = _steps(str(value["path"])), value["equals"]
        texts = frozenset(map(_shown, wanted if isinstance(wanted, list) else [wanted]))
        return lambda said: (found := _at(said.document, steps)) is not _NOTHING and _shown(found) in texts
    if name == "contains" and isinstance(value, str) and value:
        return lambda said: value in said.text
    if name == "matches" and isinstance(value, str):
        pattern = _pattern(value)
        return lambda said: pattern.search(said.text) is not None
    raise ValueError(f"{name} = {value!r} is no condition; {_ALLOWED}; json = {{path = …, equals = …}}")


def _pattern(written: str) -> re.Pattern[str]:
    try:
        return re.compile(written, re.DOTALL)
    except re.error as error:
        raise ValueError(f"{written!r} is no regular expression: {error}") from None


def _steps(path: str) -> list[str | int]:
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is no path; allowed: $ with .name and [0], such as $.data[0].id")
    return [name or int(index) for name, index in _STEP.findall(path)]


_NOTHING = object()


def _at(document: Any, steps: list[str | int]) -> Any:  # noqa: ANN401 - any JSON
    for step in steps:
        try:
            document = document[step]
        except (KeyError, IndexError, TypeError):
            return _NOTHING
    return document


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is _NOTHING:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
