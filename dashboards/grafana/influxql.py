"""Reads InfluxQL as dashboards write it, with Grafana's variables still in it: tokens, then clauses.

It knows SELECT (with subqueries) and names the first words of every other statement. What it cannot read it refuses:
the linter (``dashboards.grafana.lint``) takes that for a fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum, auto
from itertools import pairwise
from typing import NamedTuple


class UnreadableError(ValueError):
    """The text is not InfluxQL as far as this module knows it; says where."""


class Kind(StrEnum):
    """What a token is."""

    NAME = auto()
    TEXT = auto()
    REGEX = auto()
    VARIABLE = auto()
    NUMBER = auto()
    WORD = auto()
    SIGN = auto()


class Token(NamedTuple):
    """One token; ``text`` is what stands in the query, without the quotes of a NAME, TEXT or REGEX."""

    kind: Kind
    text: str

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords (upper case)."""
        return self.kind is Kind.WORD and self.text.upper() in words


_PATTERN = re.compile(
    r"""(?P<space>\s+)
      | "(?P<name>(?:[^"\\\n]|\\.)*)"
      | '(?P<text>(?:[^'\\\n]|\\.)*)'
      | (?P<variable>\$\{__to\}ms|\$\{\w+(?:\.\w+)?(?::\w+)?\}|\$\w+|\[\[\w+(?::\w+)?\]\])
      | (?P<number>\d+(?:\.\d+)?(?:ns|us|µ|u|ms|s|m|h|d|w)?\b)
      | (?P<word>[A-Za-z_]\w*)
      | (?P<sign>=~|!~|!=|<=|>=|<>|::|[-+*/%=<>(),.;&|^])""",
    re.VERBOSE,
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)+)/")
_KINDS = {
    "name": Kind.NAME,
    "text": Kind.TEXT,
    "variable": Kind.VARIABLE,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "sign": Kind.SIGN,
}


def tokens(query: str) -> list[Token]:
    """All tokens of a query. Raises UnreadableError where something is no InfluxQL (Flux, an open quote)."""
    found: list[Token] = []
    at = 0
    while at < len(query):
        regex = _REGEX.match(query, at) if query[at] == "/" and found and _regex_may_follow(found[-1]) else None
        if regex is not None:
            found.append(Token(Kind.REGEX, regex[1]))
            at = regex.end()
            continue
        match = _PATTERN.match(query, at)
        if match is None or match.lastgroup is None:
            raise UnreadableError(f"cannot be read from character {at}: {query[at : at + 20]!r}")
        if match.lastgroup != "space":
            found.append(Token(_KINDS[match.lastgroup], match[match.lastgroup]))
        at = match.end()
    return found


def _regex_may_follow(last: Token) -> bool:
    return last.text in {"=~", "!~", ","} or last.is_word("FROM", "BY", "SELECT")


@dataclass
class Select:
    """One SELECT, its clauses as tokens; ``inner`` are the subqueries that it reads from."""

    columns: list[Token] = field(default_factory=list)
    sources: list[Token] = field(default_factory=list)
    where: list[Token] = field(default_factory=list)
    group: list[Token] = field(default_factory=list)
    rest: list[Token] = field(default_factory=list)
    inner: list[Select] = field(default_factory=list)

    def walk(self) -> Iterator[Select]:
        """This one and all below it."""
        yield self
        for one in self.inner:
            yield from one.walk()

    @property
    def functions(self) -> list[str]:
        """Names of the functions in the columns, lower case, in their order."""
        return list(functions(self.columns))

    @property
    def fields(self) -> set[str]:
        """Names that the columns read: no aliases."""
        return {
            token.text
            for before, token in zip([None, *self.columns], self.columns, strict=False)
            if token.kind is Kind.NAME and not (before is not None and before.is_word("AS"))
        }

    @property
    def buckets(self) -> bool:
        """Whether it groups by time."""
        return "time" in functions(self.group)

    @property
    def limit(self) -> int | None:
        """The number after LIMIT."""
        for before, token in zip(self.rest, self.rest[1:], strict=False):
            if before.is_word("LIMIT") and token.text.isdigit():
                return int(token.text)
        return None


def functions(some: list[Token]) -> Iterator[str]:
    """Names that are called."""
    for token, after in pairwise(some):
        if token.kind is Kind.WORD and after.text == "(" and not token.is_word("AND", "OR", "BY", "FROM", "IN", "AS"):
            yield token.text.lower()


def select(some: list[Token]) -> Select:
    """The clauses of a SELECT statement, given all its tokens. Raises UnreadableError."""
    made, end = _select(some, 0)
    if end != len(some):
        raise UnreadableError(f"nothing may follow the statement, here {some[end].text!r} does")
    return made


def _select(some: list[Token], at: int) -> tuple[Select, int]:
    if at >= len(some) or not some[at].is_word("SELECT"):
        raise UnreadableError("SELECT is expected")
    made, depth, at = Select(), 0, at + 1
    clause = made.columns
    while at < len(some):
        token = some[at]
        if depth == 0 and token.text == ")":
            break
        if depth == 0 and token.kind is Kind.WORD:
            following = _clause(made, token)
            if following is not None:
                clause = following
                if clause is made.rest:
                    clause.append(token)
                at += 2 if clause is made.group else 1
                continue
        if clause is made.sources and token.text == "(" and depth == 0:
            below, at = _select(some, at + 1)
            if at >= len(some):
                raise UnreadableError("a subquery is not closed")
            made.inner.append(below)
        else:
            depth += {"(": 1, ")": -1}.get(token.text, 0)
            clause.append(token)
        at += 1
    if depth or not (made.sources or made.inner) or not made.columns:
        raise UnreadableError("SELECT needs columns, FROM and closed brackets")
    return made, at


def _clause(made: Select, token: Token) -> list[Token] | None:
    """The clause that a keyword begins."""
    word = token.text.upper()
    if word in {"FROM", "WHERE", "GROUP"}:
        return {"FROM": made.sources, "WHERE": made.where, "GROUP": made.group}[word]
    begins_rest = word in {"ORDER", "LIMIT", "OFFSET", "SLIMIT", "SOFFSET", "TZ", "FILL", "INTO"}
    return made.rest if begins_rest else None
