"""The codec of Hygeia's own telemetry: the three shapes that ThingsBoard devices send (DESIGN 4.2).

Clean messages take the quick way: typed decoding, one look-up of the layout by the message's keys, bounds, done.
Anything that is not plainly clean starts again on the long way, value by value, which alone decides what is refused
and why. Where the quick way gives anything, both give the same (tests/property/test_codecs_agree.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta

from devices.codecs.document import DEPTH, NotJsonError, parse, too_deep
from devices.codecs.rows import add_reading, finish, stamp
from devices.plan import RESERVED, Layout, Plan, Profile
from devices.reading import Decoded, Refusal, Row
from devices.validate import ID_LENGTH, LATEST_MS, judge_id, judge_integer, shown, unix_ms

_SHAPES = 'allowed: an object of numbers, an object with "values", or an array of such objects'


_Integer = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class _Message(msgspec.Struct, gc=False):
    """The second shape, as clean devices send it."""

    values: dict[str, float] | msgspec.UnsetType = UNSET
    ts: int | None = None
    id: Annotated[str, Meta(min_length=1, max_length=ID_LENGTH)] | _Integer | None = None
    seq: _Integer | None = None
    flags: dict[str, str] | None = None


_typed = msgspec.json.Decoder(_Message | list[_Message]).decode
_flat = msgspec.json.Decoder(dict[str, float]).decode
_TROUBLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def decode(payload: bytes, plan: Plan, received_at: int) -> Decoded:
    """The readings of one message that was received at ``received_at`` (ms since 1970 UTC). Never raises."""
    # What Python itself takes as nested depends on how deep the caller stands; 2 * DEPTH bytes cannot be too deep.
    if len(payload) > 2 * DEPTH and too_deep(payload):
        return _decode_any(payload, plan, received_at)
    try:
        message = _typed(payload)
        if type(message) is _Message:
            if message.values is UNSET:
                message = _Message(_flat(payload))
            rows = _quick((message,), plan.profile, received_at)
        else:
            rows = _quick(message, plan.profile, received_at)
    except _TROUBLE:
        rows = None
    if rows is None:
        return _decode_any(payload, plan, received_at)
    if type(message) is _Message:
        return Decoded(rows, [], message.id, message.seq)
    return _identified(Decoded(rows, []), [(one.id, one.seq) for one in message])


def _quick(messages: Sequence[_Message], profile: Profile, received_at: int) -> list[Row] | None:
    """The rows of readings that are clean throughout; None where a single value or time is not."""
    rows: list[Row] = []
    for message in messages:
        values = message.values
        if values is UNSET or message.flags:
            return None
        ts = message.ts
        gateway_time = ts is None
        if ts is None:
            ts = received_at
        elif not profile.earliest <= ts <= LATEST_MS:
            return None
        layout = profile.layout(tuple(values))
        numbers = _checked(layout, list(values.values()))
        if numbers is None:
            return None
        for group in layout.groups:
            picked = numbers if group.picks is None else [numbers[i] for i in group.picks]
            rows.append(Row(group.point, ts, group.parameters, picked, gateway_time=gateway_time))
    return rows or None


def _checked(layout: Layout, numbers: list[float]) -> list[float] | None:
    """The values in the catalogue's units, or None where one of them is not plainly right."""
    if not layout.quick or (layout.sentinels and not layout.sentinels.isdisjoint(numbers)):
        return None
    if layout.conversions is not None:
        numbers = [number * a + b for number, (a, b) in zip(numbers, layout.conversions, strict=True)]
    for number, (low, high) in zip(numbers, layout.bounds, strict=True):
        if not low <= number <= high:
            return None
    for i in layout.switches:
        if numbers[i] not in {0.0, 1.0}:
            return None
    return numbers


def _decode_any(payload: bytes, plan: Plan, received_at: int) -> Decoded:
    """The long way: any document, value by value."""
    decoded = Decoded([], [])
    try:
        document = parse(payload)
    except NotJsonError as error:
        decoded.fault, decoded.detail = "not_json", str(error)
        return decoded
    if isinstance(document, dict):
        fault = _add(decoded, document, plan, received_at)
        if fault:
            decoded.fault, decoded.detail = "bad_shape", fault
        return finish(_identified(decoded, [(document.get("id"), document.get("seq"))]))
    if not isinstance(document, list):
        decoded.fault, decoded.detail = "bad_shape", f"the message is {shown(document)}; {_SHAPES}"
        return decoded
    for number, element in enumerate(document):
        fault = _add(decoded, element, plan, received_at) if isinstance(element, dict) else "no object"
        if fault:
            decoded.refusals.append(Refusal(f"[{number}]", shown(element), "bad_shape"))
    objects = [element for element in document if isinstance(element, dict)]
    return finish(_identified(decoded, [(one.get("id"), one.get("seq")) for one in objects]))


def _add(decoded: Decoded, reading: dict[str, Any], plan: Plan, received_at: int) -> str:
    """Add one reading of the first or second shape; a text says why it has no shape at all."""
    values = reading.get("values", reading)
    if not isinstance(values, dict):
        return f'"values" is {shown(values)}; {_SHAPES}'
    raw = reading.get("ts")
    at = stamp(unix_ms(raw), raw, plan.profile.earliest, received_at)
    keys = [key for key in values if values is not reading or key not in RESERVED]
    channels = plan.profile.layout(tuple(keys)).channels
    items = zip(keys, channels, [values[key] for key in keys], strict=True)
    add_reading(decoded, items, at, reading.get("flags"))
    return ""


def _identified(decoded: Decoded, claims: list[tuple[object, object]]) -> Decoded:
    """Give the message the first ``id`` and the first ``seq`` that any of its readings has."""
    decoded.id = next((found for raw, _ in claims if (found := judge_id(raw)) is not None), None)
    decoded.seq = next((found for _, raw in claims if (found := judge_integer(raw)) is not None), None)
    return decoded
