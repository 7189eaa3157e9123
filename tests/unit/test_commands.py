"""What of a command never becomes a record: nothing wrong in itself, no name or number of a person."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from devices.registry import Change
from gateway.api.services import Answer
from gateway.commands import Commands
from gateway.decide.fold import Fold
from tests.support.deciding import KEY, ROOT


class Records:
    """A journal that only remembers."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def append(self, _kind: int, body: bytes) -> int:
        """See ``gateway.journal.writer.Journal``."""
        self.bodies.append(body)
        return len(self.bodies) - 1


class Desk:
    """Commands over a fold that knows one person; whatever reaches the journal is never decided."""

    def __init__(self, *people: str) -> None:
        fold = Fold(KEY, ROOT)
        fold.registry.apply([Change("people", name, {"id": name, "role": "operator"}) for name in people], 0)
        self.journal = Records()
        decider = SimpleNamespace(fold=fold, failed=RuntimeError("stopped"))
        settings = SimpleNamespace(time_zone="Asia/Shanghai", packs=[])
        self._commands = Commands(
            sa.create_engine("sqlite://"), cast(Any, self.journal), cast(Any, decider), cast(Any, settings)
        )

    def run(self, name: str, **args: Any) -> Answer:
        """Give a command."""
        return self._commands.run(name, args, "duty")


@pytest.mark.parametrize(
    ("name", "args", "words"),
    [
        ("alerts.ack", {"id": "a", "by": "Wang Wei 13800138000"}, "by: Wang Wei 13800138000 is not the id of a person"),
        ("alerts.ack", {"id": "a", "by": "13800138000"}, "by: '13800138000' is no person of the registry"),
        ("alerts.ack", {"by": 7, "comment": "x" * 2001}, "id: missing; by: 7 is not a text; comment: 2001 characters"),
        ("alerts.assign", {"id": "a", "to": "13800138000"}, "to: '13800138000' is no person of the registry"),
        ("alerts.shelve", {"id": "a", "for_ms": -1}, "for_ms: -1; allowed: 1 to 86400000"),
        (
            "alerts.close",
            {"id": "a", "reason": "other", "file": "0" * 63},
            "comment: missing; the reason other needs one",
        ),
        ("alerts.test-channel", {"channel": ["x"]}, "channel: a list is not a text"),
        ("maintenance.open", {"device": "d", "kind": "sleep", "for_ms": 10**400}, "kind: sleep is not known"),
        ("journal.redrive", {"reason": "x" * 129}, "reason: 129 characters; at most 128"),
        ("journal.redrive", {"offsets": [True]}, "offsets: [True]: allowed is a list of journal offsets"),
        ("registry.apply", {"changes": [], "private": [{"body": {}}]}, "registry.apply: Object missing required field"),
        ("registry.apply", {"changes": [], "private": [{"id": 5, "body": {}}]}, "registry.apply: Expected `str`"),
        ("registry.apply", {"changes": [], "file": {}}, "registry.apply: Expected `str`"),
    ],
)
def test_what_is_wrong_in_itself_never_becomes_a_record(name: str, args: dict[str, Any], words: str) -> None:
    """It is refused at once, with all that is wrong."""
    desk = Desk("p-7")
    answer = desk.run(name, **args)
    assert (answer.status, answer.offset, desk.journal.bodies) == (422, None, [])
    assert answer.body["reason"].startswith(words)


@pytest.mark.parametrize("by", ["p-7", "person:p-7", None, ""])
def test_a_registered_person_may_be_named(by: str | None) -> None:
    """With or without the prefix; without a name it is the caller."""
    desk = Desk("p-7")
    assert desk.run("alerts.ack", id="a", by=by).offset == 0
    assert desk.run("alerts.assign", id="a", to="").offset == 1


def test_without_any_registered_people_any_id_may_be_named() -> None:
    """And still nothing that is no id."""
    desk = Desk()
    assert desk.run("alerts.ack", id="a", by="wang").offset == 0
    assert desk.run("alerts.ack", id="a", by="王").status == 422
