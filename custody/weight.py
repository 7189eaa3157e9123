"""Weights in whole grams, never through a float (pure)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from custody.fact import Weight

#: How a weight came about; only ``scale`` is an instrument's own word.
MODES = frozenset({"scale", "typed", "estimated"})

_GRAMS = re.compile(r"[+-]?\d{1,9}(?:\.0{1,9})?", re.ASCII)
_KILOGRAMS = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,9})?", re.ASCII)
_KEYS = (("gross_g", "gross_kg"), ("tare_g", "tare_kg"), ("net_g", "net_kg"))
#: Longest name of a scale, as of any entry of the registry.
_LONGEST = 64


def weigh(raw: object, flags: set[str]) -> Weight | None:
    """What was weighed, as far as that is known; net is gross less tare where it was not sent. None = no weight sent.

    ``raw`` is the event's ``weight`` with fractions as Decimal: ``gross_g`` in grams or ``gross_kg`` in kilograms, as
    numbers or decimal text. Adds ``bad_weight`` (nothing usable, not whole grams, negative, zero gross or net, gross
    below tare, unknown mode) and ``unstable_weight`` to ``flags``; what is wrong in itself is left out. Whether gross,
    tare and net agree is judged where the scale's division is known (``custody.resolve``).
    """
    if raw is None:
        return None
    if not isinstance(raw, dict):
        flags.add("bad_weight")
        return Weight(usable=False)
    wrong = set()
    stable = raw.get("stable") is not False
    if not stable:
        wrong.add("unstable_weight")
    mode = raw.get("mode")
    if mode is not None and (not isinstance(mode, str) or mode not in MODES):
        wrong.add("bad_weight")
        mode = ""
    gross, tare, net = (_one(raw, grams, kilograms, wrong) for grams, kilograms in _KEYS)
    if gross is not None and tare is not None and net is None:
        if gross < tare:
            wrong.add("bad_weight")
        elif raw.get("net_g") is None and raw.get("net_kg") is None:
            net = gross - tare
    if net == 0 or gross == 0 or (gross is None and net is None):
        wrong.add("bad_weight")
    scale = raw.get("scale")
    named = scale.strip() if isinstance(scale, str) and len(scale) <= _LONGEST else ""
    if scale is not None and not named:
        wrong.add("bad_weight")
    flags |= wrong
    named = named.encode("utf-8", "replace").decode()
    return Weight(gross, tare, net, named, mode=mode or "", stable=stable, usable=not wrong)


def _one(raw: dict[str, Any], in_grams: str, in_kilograms: str, wrong: set[str]) -> int | None:
    """Gross, tare or net in grams; None where it was not sent or is no weight."""
    grams, kilograms = raw.get(in_grams), raw.get(in_kilograms)
    if grams is None and kilograms is None:
        return None
    found = _grams(kilograms, _KILOGRAMS, 1000) if grams is None else _grams(grams, _GRAMS, 1)
    both = grams is not None and kilograms is not None
    if found is None or found < 0 or (both and _grams(kilograms, _KILOGRAMS, 1000) != found):
        wrong.add("bad_weight")
        return None
    return found


def _grams(raw: object, form: re.Pattern[str], scale: int) -> int | None:
    """Whole grams from an integer, a fraction as it was written, or decimal text; None where it is none of them."""
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal | str):
        return None
    if isinstance(raw, int) and scale == 1:
        return raw if -1_000_000_000 < raw < 1_000_000_000 else None
    text = str(raw).strip()
    if form.fullmatch(text) is None:
        return None
    grams = Decimal(text) * scale
    return int(grams) if grams == grams.to_integral_value() else None
