"""What people read: a notice as a title and lines in Chinese or English (pure).

``text_of`` makes a ``Text`` of any notice and never raises. One alert becomes lines of its facts. Several become a
digest: how many of each severity, what came first, and one line an alert, in the order of the notice (the router lists
first-out first). Where a channel takes less, the list is cut and says how many more there are; nothing else is cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from alerts.notify import Context, Notice, Told, Words
from alerts.notify.figures import local_time, numbers
from alerts.notify.fit import Text
from alerts.notify.terms import EVENTS, LANGUAGES, OVER, SEVERITIES, TERMS, UNITS
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

#: Kinds of conditions in which a value breaks a limit of its own parameter; "" where the kind is not known.
_LIMIT_KINDS = frozenset({"", "limit"})
#: Kinds whose value is not one of the parameter's.
_SHARES = frozenset({"bad_flags"})
_OFFLINE_KINDS = frozenset({"absent", "silent"})


class _Alert(msgspec.Struct):
    """What a text says of the JSON of an alert (DESIGN 4.7)."""

    rule: str = ""
    severity: str = ""
    state: str = ""
    unit: str = ""
    place: str = ""
    device: str = ""
    point: str = ""
    parameter: str = ""
    value: float | None = None
    limit_value: float | None = None
    parameter_unit: str = ""
    since: int | None = None
    cleared_at: int | None = None
    acknowledged_by: str | None = None


def text_of(notice: Notice, language: str = "") -> Text:
    """A notice in words, in the recipient's language, else in ``language``, else in Chinese."""
    asked = notice.to.language if notice.to is not None else language
    tongue = next((one for one in (asked, language) if one in LANGUAGES), LANGUAGES[0])
    alerts, context = _alerts(notice.content), _context(notice.context)
    writer = _Writer(tongue, context.zone)
    if notice.event == "test" or not alerts:
        return writer.bare(notice)
    told = [*context.told, *(Told() for _ in range(len(alerts) - len(context.told)))]
    if len(alerts) == 1 and notice.event != "digest":
        return writer.single(notice.event, alerts[0], told[0])
    return writer.digest(notice.event, alerts, told)


def _alerts(content: bytes) -> list[_Alert]:
    try:
        if content.lstrip()[:1] == b"[":
            alerts = msgspec.json.decode(content, type=list[_Alert])
        else:
            alerts = [msgspec.json.decode(content, type=_Alert)]
    except msgspec.MsgspecError:
        return []
    return [alert for alert in alerts if alert.rule]


def _context(context: bytes) -> Context:
    try:
        return msgspec.json.decode(context, type=Context)
    except msgspec.MsgspecError:
        return Context()


class _Writer:
    """Says things in one language and zone."""

    def __init__(self, language: str, zone: str) -> None:
        self.language = language
        self.zone = zone
        self.terms = TERMS[language]

    def bare(self, notice: Notice) -> Text:
        """A test, or a notice whose content says nothing."""
        test, event = notice.event == "test", self._event(notice.event)
        about, sent = self.terms["test_title"] if test else notice.key, self.time(notice.at)
        lines = (self.terms["test_body"],) if test else ()
        line = event + self.terms["colon"] + about + self.terms["comma"] + sent
        values = {"event": event, "since": self.brief(notice.at), "rule": about}
        head = (*lines, self._field("sent", sent))
        return Text(self.language, self._title(event, about), line, head, values=values)

    def single(self, event: str, alert: _Alert, told: Told) -> Text:
        """One alert."""
        word = self._event(event)
        if event == "fired":
            word = self.terms["fired"].format(event=word, severity=self.severity(alert))
        about, measured = self.about(alert, told), self.measured(alert, told)
        since, call = self.time(alert.since), self.name(told.call, "")
        facts = [
            ("severity", self.severity(alert)),
            ("unit", self.name(told.unit, alert.unit)),
            ("place", self.name(told.place, alert.place)),
            ("device", self._device(alert)),
            ("rule", self.name(told.rule, alert.rule)),
            ("parameter", self.parameter(alert, told)),
            ("value", measured),
            ("since", since),
            ("cleared", self.time(alert.cleared_at)),
            ("by", alert.acknowledged_by),
            ("call", call),
        ]
        foot = (self.terms["lead"] + self.terms["stop"],) if _breaks_limit(alert, told) else ()
        parts = [word + self.terms["colon"] + about, measured, self._from(alert), call and self._field("call", call)]
        return Text(
            self.language,
            self._title(word, about),
            self.terms["comma"].join(part for part in parts if part),
            tuple(self._field(name, value) for name, value in facts if value),
            foot=foot,
            values=self._values(word, alert, told) | {"count": "1", "call": call},
        )

    def digest(self, event: str, alerts: Sequence[_Alert], told: Sequence[Told]) -> Text:
        """Several alerts."""
        word = self._event(event)
        counts = Counter(alert.severity for alert in alerts)
        known = SEVERITIES[self.language]
        ranks = sorted(counts, key=lambda one: (list(known).index(one) if one in known else len(known), one))
        total = self.terms["total"].format(n=len(alerts))
        by_severity = self.terms["comma"].join(f"{known.get(one, one)} {counts[one]}" for one in ranks)
        over = sum(alert.state in OVER for alert in alerts)
        summary = total + self.terms["left"] + by_severity + self.terms["right"]
        if over:
            summary += self.terms["comma"] + self.terms["over"].format(n=over)
        first = self.item(alerts[0], told[0])
        calls = {self.name(one.call, "") for one in told}
        call = calls.pop() if len(calls) == 1 else ""
        limits = any(_breaks_limit(alert, one) for alert, one in zip(alerts, told, strict=False))
        head = [summary, self._field("first", first)]
        parts = [word + self.terms["colon"] + summary, self._field("first", first), call and self._field("call", call)]
        return Text(
            self.language,
            self._title(word, total),
            self.terms["comma"].join(part for part in parts if part),
            (*head, self._field("call", call)) if call else tuple(head),
            tuple(f"{n}. {self.item(alert, one)}" for n, (alert, one) in enumerate(zip(alerts, told, strict=False), 1)),
            (self.terms["lead"] + self.terms["stop"],) if limits else (),
            self._values(word, alerts[0], told[0])
            | {"count": str(len(alerts)), "severity": by_severity, "first": first, "call": call},
        )

    def item(self, alert: _Alert, told: Told) -> str:
        """One alert as a line of a list."""
        over = EVENTS[self.language]["cleared"] if alert.state in OVER else ""
        start = self.brief(alert.since)
        text = " ".join(part for part in (start, self.about(alert, told), self.measured(alert, told)) if part)
        return f"{text}{self.terms['left']}{over}{self.terms['right']}" if over else text

    def about(self, alert: _Alert, told: Told) -> str:
        """Where, and what: the parameter and how it breaks its limit, else the title of the rule."""
        where = self.name(told.place, alert.place) or alert.device
        if told.kind in _OFFLINE_KINDS and not told.rule.zh and not told.rule.en:
            what = f"{self.parameter(alert, told)} {self.terms['offline']}".strip()
        elif _breaks_limit(alert, told) and not alert.rule.endswith(".early"):
            side = "above" if (alert.value or 0.0) > (alert.limit_value or 0.0) else "below"
            what = self.parameter(alert, told) + ("" if self.language == "zh" else " ") + self.terms[side]
        else:
            what = self.name(told.rule, alert.rule)
        return f"{where} {what}".strip() if self.language == "zh" else f"{where}: {what}".strip(": ")

    def measured(self, alert: _Alert, told: Told) -> str:
        """The value with its unit, and the limit, marked where nobody has confirmed it; empty where it says nothing."""
        if alert.value is None or not _tells(alert):
            return ""
        value, limit = self._numbers(alert, told)
        unit = "" if told.kind in _SHARES else UNITS.get(alert.parameter_unit, alert.parameter_unit)
        text = f"{value} {unit}".strip()
        if limit:
            mark = "" if told.verified else self.terms["comma"] + self.terms["unverified"]
            text += f"{self.terms['left']}{self.terms['limit']} {limit}{mark}{self.terms['right']}"
        return text

    def parameter(self, alert: _Alert, told: Told) -> str:
        """The title of what was measured or observed."""
        quantity = QUANTITIES.get(alert.parameter)
        if quantity is not None:
            return quantity.title_zh if self.language == "zh" else quantity.title_en
        return self.name(told.parameter, alert.parameter)

    def name(self, words: Words, otherwise: str) -> str:
        """A name in this language, else in the other one, else its key; on one line."""
        mine, other = (words.zh, words.en) if self.language == "zh" else (words.en, words.zh)
        return " ".join((mine or other or otherwise).split())

    def severity(self, alert: _Alert) -> str:
        """The word for it."""
        return SEVERITIES[self.language].get(alert.severity, alert.severity)

    def time(self, at: int | None) -> str:
        """Local time to the minute; empty where there is none."""
        return local_time(at, self.zone).strftime("%Y-%m-%d %H:%M") if at is not None else ""

    def brief(self, at: int | None) -> str:
        """The same without the year."""
        return local_time(at, self.zone).strftime("%m-%d %H:%M") if at is not None else ""

    def _from(self, alert: _Alert) -> str:
        if alert.since is None:
            return ""
        short = self.brief(alert.since)
        return short + self.terms["from"] if self.language == "zh" else f"{self.terms['from']} {short}"

    def _values(self, word: str, alert: _Alert, told: Told) -> dict[str, str]:
        value, limit = self._numbers(alert, told) if _tells(alert) else ("", "")
        # Providers refuse the marks that the units of other texts have, as in m³.
        unit = {"degC": "℃"}.get(alert.parameter_unit, alert.parameter_unit)
        return {
            "event": word,
            "severity": self.severity(alert),
            "unit": self.name(told.unit, alert.unit),
            "place": self.name(told.place, alert.place) or alert.device,
            "device": alert.device,
            "rule": self.name(told.rule, alert.rule),
            "parameter": self.parameter(alert, told),
            "value": f"{value}{unit}" if value else "",
            "limit": limit,
            "since": self.brief(alert.since),
            "first": self.item(alert, told),
        }

    def _numbers(self, alert: _Alert, told: Told) -> tuple[str, str]:
        if alert.value is None:
            return "", ""
        parameter = CATALOGUE.get(alert.parameter)
        decimals = None if parameter is None or told.kind in _SHARES else parameter.decimals
        return numbers(alert.value, alert.limit_value, decimals)

    def _device(self, alert: _Alert) -> str:
        return alert.device if alert.point in {"", "-"} else f"{alert.device} {alert.point}"

    def _event(self, event: str) -> str:
        return EVENTS[self.language].get(event, event)

    def _title(self, event: str, about: str) -> str:
        return self.terms["title"].format(event=event, about=about)

    def _field(self, name: str, value: str) -> str:
        return self.terms[name] + self.terms["colon"] + value


def _breaks_limit(alert: _Alert, told: Told) -> bool:
    measured = alert.parameter in CATALOGUE and _tells(alert)
    return alert.limit_value is not None and alert.value is not None and told.kind in _LIMIT_KINDS and measured


def _tells(alert: _Alert) -> bool:
    """Whether the value is a number that people read: not a switch, and not the 1 that says that something is so."""
    parameter = CATALOGUE.get(alert.parameter)
    if parameter is not None:
        return not parameter.switch
    return bool(alert.parameter) and (alert.parameter not in QUANTITIES or alert.value not in {0.0, 1.0})
