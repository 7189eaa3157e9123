"""Weights in whole grams, never through a float (pure)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

#: How a weight came about; only ``scale`` is an instrument's own word.
MODES = frozenset({"scale", "typed", "estimated"})

_GRAMS = re.compile(r"[+-]?\d{1,9}(?:\.0{1,9})?", re.ASCII)
_KILOGRAMS = re.compile(r"[+-]?\d{1,6}(?:\.\d{1,9})?", re.ASCII)


def weigh(raw: object, flags: set[str]) -> dict[str, int]:
    """``gross_g, tare_g, net_g`` as far as they are known; net is gross less tare where it was not sent.

    ``raw`` is the event's ``weight`` with fractions as Decimal: ``gross_g`` in grams or ``gross_kg`` in kilograms, as
    numbers or decimal text. Adds ``bad_weight`` (nothing usable, not whole grams, negative, zero net, gross, tare and
    net that disagree, unknown mode) and ``unstable_weight`` to ``flags``; what is wrong in itself is left out, what
    only disagrees stays.
    """
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        flags.add("bad_weight")
        return {}
    if raw.get("stable") is False:
        flags.add("unstable_weight")
    if raw.get("mode") is not None and str(raw["mode"]) not in MODES:
        flags.add("bad_weight")
    grams = {f"{name}_g": found for name in ("gross", "tare", "net") if (found := _one(raw, name, flags)) is not None}
    if "gross_g" in grams and "tare_g" in grams:
        net = grams["gross_g"] - grams["tare_g"]
        if raw.get("net_g") is None and raw.get("net_kg") is None and net >= 0:
            grams["net_g"] = net
        if grams.get("net_g") != net:
            flags.add("bad_weight")
    if grams.get("net_g") == 0 or not grams:
        flags.add("bad_weight")
    return grams


def _one(raw: dict[str, Any], name: str, flags: set[str]) -> int | None:
    """Gross, tare or net in grams; None where it was not sent or is no weight."""
    sent = []
    if raw.get(f"{name}_g") is not None:
        sent.append(_grams(raw[f"{name}_g"], _GRAMS, 1))
    if raw.get(f"{name}_kg") is not None:
        sent.append(_grams(raw[f"{name}_kg"], _KILOGRAMS, 1000))
    if not sent:
        return None
    if sent[0] is None or sent[0] < 0 or sent[-1] != sent[0]:
        flags.add("bad_weight")
        return None
    return sent[0]


def _grams(raw: object, form: re.Pattern[str], scale: int) -> int | None:
    """Whole grams from an integer, a fraction as it was written, or decimal text; None where it is none of them."""
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal | str):
        return None
    text = str(raw).strip()
    if form.fullmatch(text) is None:
        return None
    grams = Decimal(text) * scale
    return int(grams) if grams == grams.to_integral_value() else None
