"""Rules in words, in both languages (pure): what a list of rules shows of a condition."""

from __future__ import annotations

from collections.abc import Callable

from alerts.compiled import LEAST_SILENCE_MS
from alerts.conditions import Compare, Condition, Range, Term
from alerts.pack import Rule
from alerts.values import MEASURED, Text
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

_UNITS = ((86_400_000, "d", "天"), (3_600_000, "h", "小时"), (60_000, "min", "分钟"), (1000, "s", "秒"))
_DAYS_ZH = "一二三四五六日"
_DAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def phrase(rule: Rule) -> Text:
    """The condition of a rule with what it takes to fire, such as ``below the limit of the place, 2 in a row``."""
    parts = [_CONDITIONS[rule.kind](rule)]
    if rule.hold:
        length = duration(rule.hold)
        parts.append(Text(zh=f"持续{length.zh}", en=f"for {length.en}"))
    elif rule.count > 1:
        parts.append(Text(zh=f"连续{rule.count}次", en=f"{rule.count} in a row"))
    if rule.early is not None:
        share = f"{rule.early.at:.0%}"
        parts.append(Text(zh=f"达到限值的{share}时预警", en=f"early warning at {share} of the limit"))
    if rule.schedule is not None:
        parts.append(_schedule(rule))
    if rule.latching:
        parts.append(Text(zh="须人工复位", en="until a person resets it"))
    return _joined(parts, "，", ", ")


def about(rule: Rule) -> str:
    """The parameters or the quantity that a rule is about, by name; ``device`` where it is about the whole device."""
    if rule.parameters == MEASURED:
        return "all"
    return ", ".join(rule.parameters) or rule.quantity or "device"


def duration(ms: int) -> Text:
    """A length of time in its largest whole unit."""
    size, en, zh = next((unit for unit in _UNITS if ms % unit[0] == 0), (1, "ms", "毫秒"))
    return Text(zh=f"{ms // size}{zh}", en=f"{ms // size} {en}")


def limits(low: float | None, high: float | None) -> str:
    """Good values between two limits, either of which may be None: ``0.3 – 2``, ``≤ 1``."""
    if low is not None and high is not None:
        return f"{low:g} – {high:g}"
    return f"≥ {low:g}" if low is not None else f"≤ {high:g}" if high is not None else ""


def _limit(rule: Rule) -> Text:
    condition = rule.condition
    if condition.from_profile:
        if condition.above:
            return Text(zh="高于点位限值", en="above the limit of the place")
        if condition.below:
            return Text(zh="低于点位限值", en="below the limit of the place")
        return Text(zh="超出点位限值", en="outside the limits of the place")
    unit = CATALOGUE[rule.parameters[0]].unit if rule.parameters else ""
    return _range(condition, QUANTITIES[rule.quantity].unit if rule.quantity else unit)


def _range(of: Range | Condition, unit: str) -> Text:
    unit = f" {unit}" if unit else ""
    if isinstance(of.outside, list):
        shown = limits(of.outside[0], of.outside[1]) + unit
        return Text(zh=f"超出 {shown}", en=f"outside {shown}")
    if of.above is not None:
        return Text(zh=f"高于 {of.above:g}{unit}", en=f"above {of.above:g}{unit}")
    return Text(zh=f"低于 {of.below:g}{unit}", en=f"below {of.below:g}{unit}")


def _change(rule: Rule) -> Text:
    change = rule.condition.change
    assert change is not None
    unit = CATALOGUE[rule.parameters[0]].unit if rule.parameters else ""
    by, per = f"{change.by:g} {unit}".rstrip(), duration(change.per)
    zh = {"any": "变化", "up": "上升", "down": "下降"}[change.direction]
    en = {"any": "moves", "up": "rises", "down": "falls"}[change.direction]
    return Text(zh=f"{per.zh}内{zh}超过 {by}", en=f"{en} more than {by} in {per.en}")


def _stuck(rule: Rule) -> Text:
    stuck = rule.condition.stuck
    assert stuck is not None
    hold = duration(stuck.hold)
    step = "" if stuck.resolution is None else f" {stuck.resolution:g}"
    return Text(
        zh=f"{hold.zh}内变化不足{step or '分辨力'}", en=f"does not move by{step or ' its resolution'} for {hold.en}"
    )


def _missing(rule: Rule) -> Text:
    condition = rule.condition
    found = condition.absent or condition.silent or condition.invalid
    assert found is not None
    zh, en = {
        "absent": ("无数据", "does not come"),
        "silent": ("设备离线", "nothing at all comes"),
        "invalid": ("无有效数据", "no valid value comes"),
    }[rule.kind]
    least, times = duration(max(found.least, LEAST_SILENCE_MS)), f"{found.intervals:g}"
    return Text(zh=f"{times}个上报间隔且至少{least.zh}{zh}", en=f"{en} for {times} intervals, at least {least.en}")


def _saturated(rule: Rule) -> Text:  # noqa: ARG001 - as the others
    return Text(zh="超出仪器量程", en="beyond the range of the instrument")


def _bad_flags(rule: Rule) -> Text:
    flags = rule.condition.bad_flags
    assert flags is not None
    window, share = duration(flags.window), f"{flags.share:.0%}"
    return Text(zh=f"{window.zh}内异常标记超过{share}", en=f"more than {share} flagged within {window.en}")


def _sequence_gap(rule: Rule) -> Text:  # noqa: ARG001 - as the others
    return Text(zh="报文序号缺失", en="sequence numbers are missing")


def _clock_off(rule: Rule) -> Text:
    clock = rule.condition.clock_off
    assert clock is not None
    by = duration(clock.by)
    return Text(zh=f"设备时钟偏差超过{by.zh}", en=f"the clock is off by more than {by.en}")


def _unit_suspect(rule: Rule) -> Text:
    suspect = rule.condition.unit_suspect
    assert suspect is not None
    near = f"{suspect.factor_within:.0%}"
    return Text(zh=f"跳变至约10的整数次幂倍（±{near}）", en=f"jumps to a power of ten times its level (±{near})")


def _compare(rule: Rule) -> Text:
    compare: Compare | None = rule.condition.compare
    assert compare is not None
    unit = CATALOGUE[rule.parameters[0]].unit if rule.parameters else ""
    other = compare.other
    zh = en = _channel(other.parameter, other.point)
    if other.upstream:
        zh, en = "上游", "upstream"
    difference = _range(compare, unit)
    return Text(zh=f"与{zh}之差{difference.zh}", en=f"difference to {en} {difference.en}")


def _overdue(rule: Rule) -> Text:
    overdue = rule.condition.overdue
    assert overdue is not None
    after = duration(overdue.after)
    if overdue.what == "calibration":
        return Text(zh=f"距上次校准超过{after.zh}", en=f"last calibrated more than {after.en} ago")
    if overdue.after:
        return Text(zh=f"证书{after.zh}内到期", en=f"the certificate expires within {after.en}")
    return Text(zh="证书已过期", en="the certificate has expired")


def _logic(rule: Rule) -> Text:
    condition = rule.condition
    return _tree(condition.all_, condition.any_, condition.not_)


def _tree(all_: list[Term] | None, any_: list[Term] | None, not_: Term | None) -> Text:
    if not_ is not None:
        inner = _term(not_)
        return Text(zh=f"非（{inner.zh}）", en=f"not ({inner.en})")
    zh, en = ("且", " and ") if all_ is not None else ("或", " or ")
    return _joined([_term(term) for term in all_ or any_ or []], zh, en)


def _term(term: Term) -> Text:
    if term.parameter is None:
        inner = _tree(term.all_, term.any_, term.not_)
        return Text(zh=f"（{inner.zh}）", en=f"({inner.en})")
    found = _range(term, CATALOGUE[term.parameter].unit)
    name = _channel(term.parameter, None if term.point == "-" else term.point)
    return Text(zh=f"{name} {found.zh}", en=f"{name} {found.en}")


def _channel(parameter: str | None, point: str | None) -> str:
    """As a device would name it: ``ph``, ``ph@inlet``, ``@inlet``."""
    return (parameter or "") + (f"@{point}" if point else "")


def _schedule(rule: Rule) -> Text:
    schedule = rule.schedule
    assert schedule is not None
    if schedule.calendar is not None:
        name = schedule.calendar
        return Text(zh=f"仅日历 {name} 的工作时间", en=f"only in the working time of {name}")
    hours = " ".join(schedule.hours)
    zh = "周" + "".join(_DAYS_ZH[day - 1] for day in schedule.weekdays) if schedule.weekdays else ""
    en = " ".join(_DAYS_EN[day - 1] for day in schedule.weekdays)
    return Text(zh=f"仅{zh}{' ' if zh and hours else ''}{hours}", en=f"only {' '.join(filter(None, (en, hours)))}")


def _joined(parts: list[Text], zh: str, en: str) -> Text:
    return Text(zh=zh.join(part.zh for part in parts), en=en.join(part.en for part in parts))


_CONDITIONS: dict[str, Callable[[Rule], Text]] = {
    "limit": _limit,
    "change": _change,
    "stuck": _stuck,
    "absent": _missing,
    "silent": _missing,
    "invalid": _missing,
    "saturated": _saturated,
    "bad_flags": _bad_flags,
    "sequence_gap": _sequence_gap,
    "clock_off": _clock_off,
    "unit_suspect": _unit_suspect,
    "compare": _compare,
    "overdue": _overdue,
    "logic": _logic,
}
