"""The kinds of values that registry entries consist of, with the words to refuse one.

A refusal is a ``PydanticCustomError`` whose type is a key of ``PROBLEMS`` and whose context may hold ``allowed``, a
text that needs no translation. Dates without a time of day are midnight in the zone of the validation context.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
import zoneinfo
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationError, ValidationInfo
from pydantic_core import InitErrorDetails, PydanticCustomError

from devices.parameters import CATALOGUE, UnitError, convert, spell, units_like

DEFAULT_ZONE = "Asia/Shanghai"

#: problem: (en, zh); both follow the name of the column and the value.
PROBLEMS: dict[str, tuple[str, str]] = {
    "required": ("is missing", "必填"),
    "unknown_key": ("is not known here; allowed: {allowed}", "不认识；允许：{allowed}"),
    "choice": ("is not allowed; allowed: {allowed}", "不在允许范围内；允许：{allowed}"),
    "id": ("must be 1 to 64 of A-Z a-z 0-9 _ . -", "须为1至64个 A-Z a-z 0-9 _ . - 字符"),
    "text": ("must be text of 1 to {allowed} characters in one line", "须为1至{allowed}个字的单行文字"),
    "name": ("must be a text or zh and en: {allowed}", "须为文字或 zh、en 两项：{allowed}"),
    "list": ("must be a list: {allowed}", "须为列表：{allowed}"),
    "mapping": ("must be keys with values: {allowed}", "须为键值对：{allowed}"),
    "number": ("must be a number {allowed}", "须为数值 {allowed}"),
    "integer": ("must be a whole number {allowed}", "须为整数 {allowed}"),
    "time": (
        "must be a date or time such as 2025-01-31 or 2025-01-31T08:00+08:00",
        "须为日期或时间，如 2025-01-31 或 2025-01-31T08:00+08:00",
    ),
    "date": ("must be a date such as 2025-01-31", "须为日期，如 2025-01-31"),
    "period": ("must be after `from` ({allowed})", "须晚于起始时间（{allowed}）"),
    "overlap": (
        "holds at the same time as {allowed}; give each its from and to",
        "与{allowed}的时间重叠；请分别写明起止",
    ),
    "duplicate": ("occurs twice; first in {allowed}", "重复；首次出现在{allowed}"),
    "parameter": ("is not a parameter; allowed: {allowed}", "不是已知参数；允许：{allowed}"),
    "unit": ("cannot be converted; allowed here: {allowed}", "单位无法换算；此处允许：{allowed}"),
    "filter": ("is no MQTT topic filter: {allowed}", "不是有效的MQTT主题过滤器：{allowed}"),
    "device_rule": (
        "must be topic[i] with i below the filter's levels, $.a.b or =device; allowed: {allowed}",
        "须为 topic[i]（i小于过滤器层数）、$.a.b 或 =设备编号；允许：{allowed}",
    ),
    "zone": ("is no IANA time zone; for example Asia/Shanghai, UTC", "不是IANA时区名；例如 Asia/Shanghai、UTC"),
    "time_format": (
        "must be unix_s, unix_ms, iso8601 or a strptime pattern such as %Y-%m-%d %H:%M:%S",
        "须为 unix_s、unix_ms、iso8601 或 strptime 格式，如 %Y-%m-%d %H:%M:%S",
    ),
    "public_key": ("must be an Ed25519 public key: 32 bytes in base64", "须为Ed25519公钥：32字节的base64"),
    "clock": ("must be a time of day such as 16:30", "须为时刻，如 16:30"),
    "epc": (
        "must be the hex of an EPC: 8 to 62 bytes, neither blank nor a TID",
        "须为EPC的十六进制内容：8至62字节，不能为空白标签或TID",
    ),
    "numbers": ("overlaps the numbers of {allowed}", "与“{allowed}”的号段重叠"),
    "dangling": ("is not in {allowed}", "在“{allowed}”中不存在"),
    "grid_path": (
        "must be the path from the top of the grid; allowed: {allowed}",
        "须为自顶层起的网格路径；允许：{allowed}",
    ),
    "cycle": ("stands below itself: {allowed}", "上级关系成环：{allowed}"),
    "digits": (
        "has more digits than a spreadsheet number keeps; format the column as text",
        "数字过长已失真，请将该列设为文本格式",
    ),
    "swapped": ("looks like latitude and longitude swapped: {allowed}", "经纬度似乎颠倒：{allowed}"),
    "position": ("is no position of a place: {allowed}", "不是有效位置：{allowed}"),
    "coordinates": ("stands in the file, the option says {allowed}", "为文件所注坐标系，而选项为{allowed}"),
    "unreadable": ("{allowed}", "{allowed}"),
    "sheet": ("is no section; allowed: {allowed}", "不是登记表；允许：{allowed}"),
    "wrong": ("{allowed}", "{allowed}"),
}


def problem(kind: str, allowed: str = "") -> PydanticCustomError:
    """The refusal of a value; ``kind`` is a key of ``PROBLEMS``."""
    return PydanticCustomError(kind, "{problem}: {allowed}", {"problem": kind, "allowed": allowed})


#: (path below the validated value, value, problem)
Refused = tuple[tuple[str | int, ...], Any, PydanticCustomError]


def refuse(errors: list[Refused], also: ValidationError | None = None) -> NoReturn:
    """Refuse several values at once, together with those that ``also`` refused already."""
    details = [] if also is None else [_again(error) for error in also.errors(include_url=False)]
    details += [InitErrorDetails(type=what, loc=where, input=value) for where, value, what in errors]
    raise ValidationError.from_exception_data("registry", details)


def _again(error: Any) -> InitErrorDetails:  # noqa: ANN401 - pydantic's ErrorDetails
    what, context = error["type"], error.get("ctx", {})
    known = PydanticCustomError(what, "{problem}: {allowed}", context) if what in PROBLEMS else what
    return InitErrorDetails(type=known, loc=error["loc"], input=error["input"], ctx=context)


_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_WHEN = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s*(Z|[+-]\d{2}:?\d{2})?)?",
)
#: As people write it, and as a spreadsheet's own times are read.
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")
_LONGEST_TEXT = 200


def instant(value: object, zone: dt.tzinfo) -> int:
    """Ms since 1970 UTC of a date, a time, or a whole number that is ms already. Raises ValueError.

    Digits in a text are a date (``20250131``) or, where they are 0 or more than 8, ms: a lone year is neither.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    text = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", str(value).strip())
    if re.fullmatch(r"0|-?\d{9,18}", text):
        return int(text)
    match = _WHEN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no time")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    micro = int((fraction or "").ljust(6, "0"))
    if offset:
        zone = dt.UTC if offset == "Z" else dt.datetime.strptime(offset, "%z").tzinfo or zone
    at = dt.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micro, zone)
    return (at - _EPOCH) // dt.timedelta(milliseconds=1)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def instant_text(at: int, zone: dt.tzinfo) -> str:
    """``at`` as ``instant`` reads it back: a bare date where it is midnight in ``zone``. Raises OverflowError."""
    local = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(zone)
    if local.time() == dt.time() and instant(local.date().isoformat(), zone) == at:
        return local.date().isoformat()
    return local.isoformat(timespec="milliseconds" if at % 1000 else "seconds")


def zone_of(info: ValidationInfo) -> dt.tzinfo:
    """The zone that bare dates are in: ``zone`` of the validation context."""
    context = info.context or {}
    return zoneinfo.ZoneInfo(context.get("zone", DEFAULT_ZONE))


def _time(value: object, info: ValidationInfo) -> int:
    return _instant_or_refuse(value, zone_of(info))


def _time_utc(value: object) -> int:
    return _instant_or_refuse(value, dt.UTC)


def _instant_or_refuse(value: object, zone: dt.tzinfo) -> int:
    try:
        at = instant(value, zone)
        instant_text(at, zone)
    except (ValueError, OverflowError):
        raise problem("time") from None
    return at


def _date(value: object) -> str:
    match = _WHEN.fullmatch(str(value).strip())
    try:
        if match is None or match[4]:
            raise problem("date")
        return dt.date(int(match[1]), int(match[2]), int(match[3])).isoformat()
    except ValueError:
        raise problem("date") from None


def _clock(value: str) -> str:
    match = _CLOCK.fullmatch(value)
    if match is None:
        raise problem("clock")
    return f"{int(match[1]):02d}:{match[2]}"


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise problem("id")
    return value


def is_id(value: object) -> bool:
    """Whether a value can be the id of an entry."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _text(value: str) -> str:
    if not 0 < len(value) <= _LONGEST_TEXT or any(
        unicodedata.category(c) in {"Cc", "Cs", "Cn", "Zl", "Zp"} for c in value
    ):
        raise problem("text", str(_LONGEST_TEXT))
    return value


def _name(value: object) -> str | dict[str, str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        return _text(value.strip())
    if not isinstance(value, Mapping) or not value or not {"zh", "en"}.issuperset(value):
        raise problem("name", "{zh: 出厂水, en: Outlet}")
    if not all(isinstance(text, str) for text in value.values()):
        raise problem("name", "{zh: 出厂水, en: Outlet}")
    return {language: _text(value[language].strip()) for language in ("zh", "en") if language in value}


def _grid(value: str) -> str:
    if not all(_ID.fullmatch(step) for step in value.split("/")):
        raise problem("grid_path", "id/id/id")
    return value


def _parameter(value: str) -> str:
    if value not in CATALOGUE:
        raise problem("parameter", ", ".join(CATALOGUE))
    return value


def _zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise problem("zone") from None
    return value


def _time_format(value: str) -> str:
    if value in {"unix_s", "unix_ms", "iso8601"}:
        return value
    example = dt.datetime(2025, 1, 31, 8, 30, tzinfo=dt.UTC)
    try:
        if "%" not in value:
            raise problem("time_format")
        dt.datetime.strptime(example.strftime(value), value)  # noqa: DTZ007 - only the pattern is tried
    except ValueError:
        raise problem("time_format") from None
    return value


def check_unit(unit: str, parameter: str) -> str:
    """``unit`` as the catalogue spells it, where it can be converted into the parameter's; refuses it otherwise."""
    target = CATALOGUE[parameter].unit
    try:
        convert(unit, target)
    except UnitError:
        raise problem("unit", ", ".join(units_like(target)) or "-") from None
    return spell(unit) or "-"


Id = Annotated[str, AfterValidator(_id)]
Text = Annotated[str, AfterValidator(_text)]
#: A local time of day, ``HH:MM``.
Clock = Annotated[str, AfterValidator(_clock)]
Name = Annotated[str | dict[str, str], PlainValidator(_name)]
GridPath = Annotated[str, AfterValidator(_grid)]
ParameterName = Annotated[str, AfterValidator(_parameter)]
ZoneName = Annotated[str, AfterValidator(_zone)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]
#: Ms since 1970 UTC; a bare date is midnight in the installation's zone.
Instant = Annotated[int, BeforeValidator(_time)]
#: Ms since 1970 UTC; a bare date is midnight UTC.
InstantUtc = Annotated[int, BeforeValidator(_time_utc)]
#: A calendar date, ``YYYY-MM-DD``.
Day = Annotated[str, BeforeValidator(_date)]
