"""What the number of an alert says, by the kind of its condition, in Chinese and English (pure)."""

from __future__ import annotations

from alerts.notify.figures import about, plain_number
from alerts.notify.terms import TERMS

#: Kinds of conditions that are about a device or an instrument, not about what it measures.
DEVICE_KINDS = frozenset({
    "silent", "absent", "invalid", "saturated", "stuck", "bad_flags", "sequence_gap", "clock_off", "unit_suspect",
    "overdue",
})  # fmt: skip
#: Kinds of conditions in which a value breaks a limit of its own parameter; "" where the kind is not known.
LIMIT_KINDS = frozenset({"", "limit"})
#: Of these the number is one of the parameter's, though it breaks no limit.
_MEASURED = frozenset({"stuck", "saturated", "unit_suspect"})
_NO_DATA = {"silent": "no_data", "absent": "no_data", "invalid": "no_valid_data", "stuck": "unchanged"}
_SPANS = ((86_400, "days"), (3600, "hours"), (60, "minutes"), (1, "seconds"))


def fact(kind: str, value: float | None, before: float | None, unit: str, language: str) -> str:
    """The number of an alert about a device; empty where it says nothing.

    ``value`` and ``before`` are value and limit of the alert: seconds of ``clock_off`` (below 0: fast), messages of
    ``sequence_gap``, whole days left of ``overdue``, a share of ``bad_flags``, else of the parameter in ``unit``.
    """
    if value is None:
        return ""
    terms = TERMS[language]
    if kind in _MEASURED:
        text = f"{plain_number(value)} {unit}".strip()
        if kind == "unit_suspect" and before is not None:
            text += terms["left"] + terms["before"].format(value=about(before)) + terms["right"]
        return text
    if kind == "clock_off":
        return terms["fast" if value < 0 else "slow"].format(span=span(abs(value), language))
    if kind == "sequence_gap":
        return terms["missing"].format(n=f"{value:.0f}")
    if kind == "overdue":
        return terms["days_left" if value >= 0 else "days_over"].format(days=_counted(abs(value), "days", language))
    return terms["share"].format(share=f"{100 * value:.0f}%") if kind == "bad_flags" else ""


def since_word(kind: str) -> str:
    """The term that says what has been so since the beginning."""
    return _NO_DATA.get(kind, "from")


def span(seconds: float, language: str) -> str:
    """A length of time by its two largest parts, such as 2 min 30 s."""
    left, parts = round(seconds), []
    for size, name in _SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(_counted(count, name, language))
        elif parts:
            break
    return ("" if language == "zh" else " ").join(parts[:2]) or _counted(0, "seconds", language)


def _counted(number: float, name: str, language: str) -> str:
    one = language == "en" and name == "days" and number == 1
    return TERMS[language]["one_day" if one else name].format(n=f"{number:.0f}")
