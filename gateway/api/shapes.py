"""The shapes of the API as its documentation shows them (DESIGN 4.4, 4.7). Times are ms since 1970 UTC."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.faults import COMMAND

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """A list: ``next`` goes into ``after`` of the next call, null = there is no more."""

    items: list[T]
    next: str | int | None = None


class Entry(BaseModel):
    """An entry of the registry, with the keys of the registry file (DESIGN 4.6)."""

    model_config = ConfigDict(extra="allow")
    id: str


class Reading(BaseModel):
    """One value of one channel at one time, as the device sent it."""

    device: str
    point: str
    parameter: str
    ts: int
    received_at: int
    value: float
    parameter_unit: str
    flag: str
    qualifier: str
    late: bool
    offset: int


class Alert(BaseModel):
    """An alert as it stands. ``unit`` is the supervised body, ``parameter_unit`` the unit of measure."""

    id: str
    rule: str
    pack: str
    severity: str
    state: str
    unit: str
    place: str
    device: str
    point: str
    parameter: str
    value: float | None
    limit_value: float | None
    parameter_unit: str
    since: int
    fired_at: int | None
    cleared_at: int | None
    acknowledged_by: str | None
    reason: str
    offset: int


class Transition(BaseModel):
    """One step in the life of an alert; ``payload_b64`` is the message that caused it, where one did."""

    offset: int
    n: int
    event: str
    from_state: str
    to_state: str
    at: int
    ts: int
    by: str
    reason: str
    value: float | None
    limit_value: float | None
    comment: str
    file: str
    payload_b64: str | None


class Delivery(BaseModel):
    """One notice of an alert: `state` is waiting, delivered, refused (by the receiver) or dead (given up)."""

    channel: str
    person: str
    event: str
    state: Literal["waiting", "delivered", "refused", "dead"]
    created_at: int
    tries: int
    last_error: str | None


class NearbyReading(BaseModel):
    """One value of the channel that an alert is about."""

    ts: int
    value: float
    flag: str
    late: bool


class Around(BaseModel):
    """Readings from an hour before an alert to an hour after it, of the first week at most.

    `thinned`: the lowest and highest of each step of time; `missing`: the store cannot be read now;
    `began`: journal offset of the reading with which the alert began, where the store knows it.
    """

    model_config = ConfigDict(populate_by_name=True)
    from_: int = Field(alias="from")
    to: int
    limit_value: float | None
    thinned: bool
    missing: bool
    began: int | None = None
    items: list[NearbyReading]


class CauseRecord(BaseModel):
    """A journal record that moved an alert; topic, receive time and bytes as far as they are kept."""

    offset: int
    at: int
    kind: Literal["message", "command", "other"]
    topic: str | None = None
    received_at: int | None = None
    payload_b64: str | None


class MaintenanceSession(BaseModel):
    """Work on a device: what it sends meanwhile counts as flag M or C. Open where `closed_at` is null."""

    device: str
    offset: int
    kind: str
    opened_at: int
    until: int
    opened_by: str
    closed_at: int | None
    closed_by: str | None
    comment: str


class Finding(BaseModel):
    """A late reading that broke a limit: it counts for compliance and moved no alert."""

    offset: int
    n: int
    rule: str
    pack: str
    severity: str
    unit: str
    place: str
    device: str
    point: str
    parameter: str
    value: float
    limit_value: float
    ts: int
    at: int


class Candidate(BaseModel):
    """Somebody an alert may be assigned to."""

    id: str
    role: str
    unit: str


class AlertHistory(Alert):
    """An alert with what it rests on: rules and software that decided, readings, records, every step, who was told.

    `value` is what moved it last: of one that is over, what ended it. `bad_value` is what broke the limit, on `side`.
    `limit_verified` is false where nobody compared the limit with the text of its source, null where that is unknown.
    `candidates` and `names` (of people, by id) are for those who may handle it.
    """

    kind: str
    grid: str
    assigned_to: str | None
    acknowledged_at: int | None
    closed_at: int | None
    shelved_until: int | None
    held_by: str
    condition: bool
    version: str
    pack_digest: str
    registry_version: int
    bad_value: float | None
    side: Literal["", "low", "high"]
    place_name: Any
    unit_name: Any
    grid_names: list[Any]
    rule_title: dict[str, str] | None
    limit_source: str | None
    limit_verified: bool | None
    readings: Around
    transitions: list[Transition]
    deliveries: list[Delivery]
    records: list[CauseRecord]
    sessions: list[MaintenanceSession]
    findings: list[Finding]
    candidates: list[Candidate]
    names: dict[str, str]
    now: int


class ParkedMessage(BaseModel):
    """A message (``whole``) or single values of one that were not accepted. Its bytes are kept."""

    offset: int
    received_at: int
    topic: str
    device: str
    reason: str
    detail: dict[str, Any]
    payload_b64: str | None
    whole: bool


class Command(BaseModel):
    """A command and its arguments, as the command line has them: ``{"command": "alerts.ack", "args": {"id": ...}}``."""

    model_config = ConfigDict(extra="forbid")
    command: str = Field(pattern=COMMAND)
    args: dict[str, Any] = {}


class CommandAnswer(BaseModel):
    """What became of a command."""

    model_config = ConfigDict(extra="allow")
    offset: int | None = None
    status: int


class StoredFile(BaseModel):
    """A file that was handed in."""

    sha256: str
    size: int
    content_type: str
    received_at: int
    by: str


class LagShape(BaseModel):
    """How far a part of the flow has come."""

    cursor: int
    behind: int
    state: str
    words: str


class Readiness(BaseModel):
    """``ready`` is false where a part is held or down."""

    ready: bool
    followers: dict[str, LagShape]
