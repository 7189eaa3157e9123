"""What can be wrong with an event that was accepted nevertheless."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: flag: what it says. Docs/payloads.md has the same list.
FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "no_time": "it has no ts; the receive time counts",
        "bad_time": "its ts cannot be read or is before 2020; the receive time counts",
        "clock_ahead": "its ts is more than 5 minutes after the receive time",
        "unknown_step": "its step is none that Hygeia knows",
        "unknown_category": "its category is none of the catalogue",
        "no_ids": "its list of ids is empty, and no bin, manifest, vehicle or other event stands in for them",
        "no_identity": "none of its ids names a container: a tid or a blank tag is no identity",
        "bad_id": "one of its ids has no value, an unknown kind, characters that do not print, or is no tag content",
        "bad_weight": "its weight is not in whole grams, not positive, contradicts itself, or is beyond the scale",
        "unstable_weight": "the scale had not come to rest",
        "unknown_scale": "a scale that the registry does not know",
        "scale_certificate": "the scale's certificate was not valid at that time",
        "missing_of": "its step speaks of another event, which it does not name",
        "missing_reason": "it takes back or replaces another event and gives no reason",
        "bad_value": "another key has a value that cannot be used; it is left out",
        "duplicate_keys": "a key occurs twice in one object",
        "not_canonical": "it has no RFC 8785 form; the digest is that of its bytes",
        "bad_signature": "its signature is not that of the device's key",
        "unsigned": "the device has a key and the event has no signature",
        "unknown_badge": "a badge that nobody has, or several people have and none of them alone is of a unit there",
        "unknown_place": "a place that the registry does not know",
        "unknown_vehicle": "a vehicle that the registry does not know",
        "not_a_terminal": "the registry says that the device is no terminal",
    },
)
