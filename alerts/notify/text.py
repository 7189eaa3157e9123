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
from alerts.notify.facts import DEVICE_KINDS, fact, since_word
from alerts.notify.figures import local_time, numbers
from alerts.notify.fit import Text
from alerts.notify.standing import AlertTold, breaks_limit, ending, side, standing, tells, well
from alerts.notify.terms import ENDINGS, EVENTS, LANGUAGES, SEVERITIES, TERMS, UNITS
from devices.observation import QUANTITIES
from devices.parameters import CATALOGUE

_OFFLINE_KINDS = frozenset({"absent", "silent"})
#: Characters of the shortest variable that providers take: a longer place would leave no room for the device.
_SHORT = 12


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


def bad_value(alert: AlertTold, told: Told, language: str) -> str:
    """The value of an alert with its limit and the side of that, as a page shows it without a title."""
    writer = _Writer(language if language in LANGUAGES else LANGUAGES[0], "UTC")
    return writer.measured(alert, told, titled=False)


def _alerts(content: bytes) -> list[AlertTold]:
    try:
        if content.lstrip()[:1] == b"[":
            alerts = msgspec.json.decode(content, type=list[AlertTold])
        else:
            alerts = [msgspec.json.decode(content, type=AlertTold)]
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

    def single(self, event: str, alert: AlertTold, told: Told) -> Text:
        """One alert."""
        word = self._happened(event, alert, told)
        about, measured = self.about(alert, told), self.measured(alert, told)
        since, call = self.time(alert.since), self.name(told.call, "")
        facts = [
            ("severity", self.severity(alert)),
            ("unit", self.name(told.unit, alert.unit)),
            ("place", self.name(told.place, alert.place)),
            ("device", self._device(alert, told)),
            ("rule", self.name(told.rule, alert.rule)),
            ("parameter", self.parameter(alert, told)),
            ("value", measured),
            ("since", since),
            ("cleared", self.time(alert.cleared_at)),
            ("by", alert.acknowledged_by),
            ("call", call),
        ]
        foot = (self.terms["lead"] + self.terms["stop"],) if breaks_limit(alert, told) else ()
        parts = [
            word + self.terms["colon"] + about,
            measured,
            self._from(alert, told),
            call and self._field("call", call),
        ]
        return Text(
            self.language,
            self._title(word, about),
            self.terms["comma"].join(part for part in parts if part),
            tuple(self._field(name, value) for name, value in facts if value),
            foot=foot,
            values=self._values(word, alert, told) | {"count": "1", "call": call},
        )

    def digest(self, event: str, alerts: Sequence[AlertTold], told: Sequence[Told]) -> Text:
        """Several alerts."""
        word = self._event(event)
        counts = Counter(alert.severity for alert in alerts)
        known = SEVERITIES[self.language]
        ranks = sorted(counts, key=lambda one: (list(known).index(one) if one in known else len(known), one))
        total = self.terms["total"].format(n=len(alerts))
        by_severity = self.terms["comma"].join(f"{known.get(one, one)} {counts[one]}" for one in ranks)
        over = sum(ending(alert, one) == "cleared" for alert, one in zip(alerts, told, strict=False))
        summary = total + self.terms["left"] + by_severity + self.terms["right"]
        if over:
            summary += self.terms["comma"] + self.terms["over"].format(n=over)
        first = self.item(alerts[0], told[0])
        calls = {self.name(one.call, "") for one in told}
        call = calls.pop() if len(calls) == 1 else ""
        limits = any(breaks_limit(alert, one) for alert, one in zip(alerts, told, strict=False))
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

    def item(self, alert: AlertTold, told: Told) -> str:
        """One alert as a line of a list."""
        over = ENDINGS[self.language].get(ending(alert, told), "")
        start = self.brief(alert.since)
        text = " ".join(part for part in (start, self.about(alert, told), self.measured(alert, told)) if part)
        return f"{text}{self.terms['left']}{over}{self.terms['right']}" if over else text

    def about(self, alert: AlertTold, told: Told) -> str:
        """Where, and what: the parameter and how it stands to its limit, else the title of the rule."""
        where = self._where(alert, told)
        broken = side(alert, told)
        if told.kind in DEVICE_KINDS:
            channel = self.parameter(alert, told) if alert.parameter else ""
            title = self.name(told.rule, "" if told.kind in _OFFLINE_KINDS else alert.rule) or self.terms["offline"]
            if self.language == "zh":
                return " ".join(part for part in (where, channel, title) if part)
            return f"{self.terms['comma'].join(part for part in (where, channel) if part)}: {title}"
        if well(alert, told):
            what = self._joined(self.parameter(alert, told), self.terms["back"])
        elif broken and standing(alert) and not alert.rule.endswith(".early"):
            what = self._joined(self.parameter(alert, told), self.terms[broken])
        else:
            what = self.name(told.rule, alert.rule)
        return f"{where} {what}".strip() if self.language == "zh" else f"{where}: {what}".strip(": ")

    def measured(self, alert: AlertTold, told: Told, *, titled: bool = True) -> str:
        """The value with its unit, and the limit, marked where nobody has confirmed it; empty where it says nothing."""
        unit = UNITS.get(alert.parameter_unit, alert.parameter_unit)
        if told.kind in DEVICE_KINDS:
            return self._fact(alert, told, unit)
        if alert.value is None or not tells(alert):
            return ""
        value, limit = self._numbers(alert)
        text = f"{value} {unit}".strip()
        if limit:
            mark = "" if told.verified else self.terms["comma"] + self.terms["unverified"]
            text += (
                f"{self.terms['left']}{self._limit_word(alert, told, titled=titled)} {limit}{mark}{self.terms['right']}"
            )
        return text

    def parameter(self, alert: AlertTold, told: Told) -> str:
        """The title of what was measured or observed."""
        quantity = QUANTITIES.get(alert.parameter)
        if quantity is not None:
            return quantity.title_zh if self.language == "zh" else quantity.title_en
        return self.name(told.parameter, alert.parameter)

    def name(self, words: Words, otherwise: str) -> str:
        """A name in this language, else in the other one, else its key; on one line."""
        mine, other = (words.zh, words.en) if self.language == "zh" else (words.en, words.zh)
        return " ".join((mine or other or otherwise).split())

    def severity(self, alert: AlertTold) -> str:
        """The word for it."""
        return SEVERITIES[self.language].get(alert.severity, alert.severity)

    def time(self, at: int | None) -> str:
        """Local time to the minute; empty where there is none."""
        return local_time(at, self.zone).strftime("%Y-%m-%d %H:%M") if at is not None else ""

    def brief(self, at: int | None) -> str:
        """The same without the year."""
        return local_time(at, self.zone).strftime("%m-%d %H:%M") if at is not None else ""

    def _happened(self, event: str, alert: AlertTold, told: Told) -> str:
        if event == "fired":
            return self.terms["fired"].format(event=self._event(event), severity=self.severity(alert))
        if event == "escalated" and told.mine:
            return self._event("mine")
        how = ending(alert, told)
        if event == "cleared" and how in {"latched", "ended"}:
            word = ENDINGS[self.language][how]
            return word[:1].upper() + word[1:]
        return self._event(event)

    def _where(self, alert: AlertTold, told: Told) -> str:
        """The place; the device too where the alert is about it, alone where its name begins with the place's."""
        place, device = self.name(told.place, alert.place), self.name(told.device, alert.device)
        if told.kind not in DEVICE_KINDS:
            return place or device
        if device.startswith(place):
            return device
        return f"{place} {device}" if self.language == "zh" else f"{place}, {device}"

    def _fact(self, alert: AlertTold, told: Told, unit: str) -> str:
        """What the number says while the condition holds; afterwards it would say nothing of it."""
        return fact(told.kind, alert.value, alert.limit_value, unit, self.language) if standing(alert) else ""

    def _limit_word(self, alert: AlertTold, told: Told, *, titled: bool) -> str:
        """Upper or lower where the title does not say how the value stands to it."""
        broken = side(alert, told)
        said = not broken or (titled and standing(alert) and not alert.rule.endswith(".early"))
        return self.terms["limit" if said else f"limit_{broken}"]

    def _joined(self, parameter: str, what: str) -> str:
        return parameter + ("" if self.language == "zh" else " ") + what

    def _from(self, alert: AlertTold, told: Told) -> str:
        if alert.since is None:
            return ""
        if not standing(alert) and alert.cleared_at is not None:
            return self.terms["from_to"].format(at=self.brief(alert.since), end=self.brief(alert.cleared_at))
        return self.terms[since_word(told.kind) if standing(alert) else "from"].format(at=self.brief(alert.since))

    def _values(self, word: str, alert: AlertTold, told: Told) -> dict[str, str]:
        # Providers refuse the marks that the units of other texts have, as in m³.
        unit = {"degC": "℃"}.get(alert.parameter_unit, alert.parameter_unit)
        place, device = self.name(told.place, alert.place), self.name(told.device, alert.device)
        parameter, limit = self.parameter(alert, told), ""
        if told.kind in DEVICE_KINDS:
            value = self._fact(alert, told, unit).partition(self.terms["left"])[0]
            place = where if len(where := self._where(alert, told)) <= _SHORT else device
            parameter = parameter if alert.parameter else self.name(told.rule, alert.rule)
        else:
            value, limit = self._numbers(alert) if tells(alert) else ("", "")
            value += unit if value else ""
        return {
            "event": word,
            "severity": self.severity(alert),
            "unit": self.name(told.unit, alert.unit),
            "place": place or device,
            "device": device,
            "rule": self.name(told.rule, alert.rule),
            "parameter": parameter,
            "value": value,
            "limit": limit,
            "since": self.brief(alert.since),
            "first": self.item(alert, told),
        }

    @staticmethod
    def _numbers(alert: AlertTold) -> tuple[str, str]:
        if alert.value is None:
            return "", ""
        parameter = CATALOGUE.get(alert.parameter)
        return numbers(alert.value, alert.limit_value, None if parameter is None else parameter.decimals)

    def _device(self, alert: AlertTold, told: Told) -> str:
        device = self.name(told.device, alert.device)
        return device if alert.point in {"", "-"} else f"{device} {alert.point}"

    def _event(self, event: str) -> str:
        return EVENTS[self.language].get(event, event)

    def _title(self, event: str, about: str) -> str:
        return self.terms["title"].format(event=event, about=about)

    def _field(self, name: str, value: str) -> str:
        return self.terms[name] + self.terms["colon"] + value
