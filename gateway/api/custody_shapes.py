"""The shapes of containers and their events in the API (docs/life-of-a-container.md). Times are ms since 1970 UTC."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Badge(BaseModel):
    """Who did something: the badge as it was read, and whose it was then (empty where nobody has it)."""

    badge: str
    person: str
    unit: str
    role: str
    auth: str


class EventWeight(BaseModel):
    """What was weighed, in whole grams, of all containers of the event together.

    `mode` is scale, typed or estimated; `usable` is false where the weight is shown and never counted.
    """

    gross_g: int | None
    tare_g: int | None
    net_g: int | None
    scale: str
    division_g: int
    mode: str
    stable: bool
    usable: bool


class ContainerEvent(BaseModel):
    """One custody event; `seen`: it named the container, `inferred`: its bin, manifest or vehicle.

    `containers` are all ids that it named. `counts` is false where the event at offset `taken_back_by` voided or
    replaced it. `entry` is its place in the ledger.
    """

    model_config = ConfigDict(populate_by_name=True)
    offset: int
    id: str
    step: str
    ts: int
    received_at: int
    device: str
    by: Badge | None
    with_: Badge | None = Field(alias="with")
    weight: EventWeight | None
    entry: int | None
    seen: bool
    inferred: bool
    flags: list[str]
    place: str | None
    unit: str | None
    category: str | None
    containers: list[str]
    parent: str | None
    manifest: str | None
    vehicle: str | None
    of: str | None
    reason: str | None
    approved_by: Badge | None
    files: list[dict[str, str]]
    signature: str | None
    skew_ms: int | None
    counts: bool
    taken_back_by: int | None
    cycle: int


class ReadId(BaseModel):
    """One id of a container: `k` is epc, tid, qr or text; `uri` that of an EPC."""

    k: str
    v: str
    uri: str


class Container(BaseModel):
    """A waste container as its history makes it. `unit` produced it, `holder` has it, `place` is where it is.

    `net_g` is that of its newest weighing alone, null where it was only weighed with others or not at all.
    """

    id: str
    ids: list[ReadId]
    category: str | None
    state: str | None
    holder: str | None
    place: str | None
    net_g: int | None
    sealed_at: int | None
    offset: int
    unit: str | None
    department: str | None
    stored_at: int | None
    first_ts: int | None
    parent: str | None
    manifest: str | None
    cycle: int
    open: bool
    events: list[ContainerEvent]


class ContainerWeighing(BaseModel):
    """One stable weighing; `group` is how many containers were weighed together."""

    offset: int
    step: str
    at: int
    net_g: int
    gross_g: int | None
    tare_g: int | None
    group: int
    division_g: int
    mode: str
    unit: str


class ContainerCondition(BaseModel):
    """Something that is the matter with a container since `at`, as the rules judge it."""

    quantity: str
    at: int
    value: float
    place: str | None


class ContainerAlert(BaseModel):
    """An alert of a container or of one of its events."""

    id: str
    rule: str
    severity: str
    state: str
    parameter: str
    point: str
    place: str
    since: int
    fired_at: int | None
    cleared_at: int | None
    value: float | None
    limit_value: float | None
    offset: int


class ContainerHistory(Container):
    """A container with all that is known of it, or was known at `as_known_at`.

    `keeper` is the badge of who had it last, `handover` the offset of the event whose hand-over nobody confirmed yet,
    `members` what is inside it. `names` are those of people, by id, for those who signed in.
    """

    keeper: str | None
    vehicle: str | None
    collected_at: int | None
    destroyed_at: int | None
    handover: int | None
    members: list[str]
    weighings: list[ContainerWeighing]
    conditions: list[ContainerCondition]
    alerts: list[ContainerAlert]
    names: dict[str, str]
    as_known_at: int | None
    now: int
