"""Registered SMS templates: which one a notice goes out by, and with which values (pure).

Providers in China send only templates that they have approved, and only with the variables declared there. A template
is chosen by what happened and by language:

    {fired = {zh = {code = "SMS_1", sign_name = "", variables = {place = 20, parameter = 12, value = 12}}}}

``variables`` is in the order of the template; each name is one of ``VARIABLES``, each number the most characters that
the provider takes for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from alerts.notify import Notice
from alerts.notify.http_form import without_links
from alerts.notify.terms import LANGUAGES
from alerts.notify.text import text_of

#: Classes of events that have a template of their own.
CLASSES = ("fired", "cleared", "digest", "escalated", "reminder", "test")
#: What a variable may be; see ``alerts.notify.text``.
VARIABLES = (
    *("event", "severity", "unit", "place", "device", "rule", "parameter", "value", "limit", "since"),
    *("call", "count", "first"),
)
#: Said by the template of firing where there is none of their own: the trouble is still the same.
_SAID_AS_FIRED = ("escalated", "reminder")
#: Numbers and times, and the characters that usual ones need: ``11-22 11:20``, ``12.50mg/L``.
_LEAST = {"since": 11, "value": 9, "limit": 5, "count": 4}
#: A variable without a value is refused by the providers.
_EMPTY = "-"


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One registered template. ``sign_name`` is empty where the channel's signature holds."""

    code: str
    sign_name: str = ""
    variables: dict[str, int] = {}


class Filled(NamedTuple):
    """A template with its values, in the order of its variables."""

    code: str
    sign_name: str
    values: dict[str, str]


class Templates:
    """The templates of one channel by class and language. Raises ValueError on what is no template at all."""

    def __init__(self, written: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_class: dict[str, dict[str, Template]] = {}
        for name, languages in written.items():
            if name not in CLASSES or not isinstance(languages, Mapping):
                raise ValueError(f"templates.{name} is not known; allowed: {', '.join(CLASSES)}, each by language")
            self._by_class[name] = {one: _template(name, one, body) for one, body in languages.items()}

    def faults(self, most: int, languages: Sequence[str] = ("zh",)) -> list[str]:
        """What is missing or will be refused, one line each; ``most``: characters that the provider takes a variable.

        ``languages`` are those of the people who are told by this channel.
        """
        found = []
        for name in CLASSES:
            known = self._by_class.get(name, {})
            found += [
                f"templates.{name}.{one}: there is no template; such messages are refused"
                for one in languages
                if one not in known and name not in _SAID_AS_FIRED
            ]
            for one, template in known.items():
                found += [f"templates.{name}.{one}: {fault}" for fault in _faults(template, most)]
        return found

    def fill(self, notice: Notice, language: str = "zh") -> Filled | None:
        """The template of a notice with its values; None where none is registered for what happened."""
        text = text_of(notice, language)
        several = notice.content.lstrip()[:1] == b"["
        name = "digest" if several and notice.event != "test" else notice.event
        template = self._find(name, text.language)
        if template is None:
            return None
        if template[0] != text.language:
            spoken = notice if notice.to is None else msgspec.structs.replace(notice, to=None)
            text = text_of(spoken, template[0])
        values = {one: _value(one, text.values.get(one, ""), most) for one, most in template[1].variables.items()}
        return Filled(template[1].code, template[1].sign_name, values)

    def _find(self, name: str, language: str) -> tuple[str, Template] | None:
        """By class, then by language: a text in the other language is better than none."""
        for known in (name, *(["fired"] if name in _SAID_AS_FIRED else [])):
            by_language = self._by_class.get(known, {})
            for one in (language, *LANGUAGES):
                if one in by_language:
                    return one, by_language[one]
        return None


def _template(name: str, language: str, body: Any) -> Template:  # noqa: ANN401 - a value of a configuration file
    where = f"templates.{name}.{language}"
    if language not in LANGUAGES:
        raise ValueError(f"{where} is in no known language; allowed: {', '.join(LANGUAGES)}")
    try:
        return msgspec.convert(body, Template)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}; allowed: code, sign_name, variables = {{name = characters}}") from None


def _faults(template: Template, most: int) -> list[str]:
    faults = [] if template.code.strip() else ["code is empty; allowed: the provider's code of the template"]
    for name, length in template.variables.items():
        if name not in VARIABLES:
            faults.append(f"variable {name!r} is not known; allowed: {', '.join(VARIABLES)}")
        if not 1 <= length <= most:
            faults.append(f"variable {name!r} has {length} characters; allowed: 1 to {most}, which the provider takes")
        elif length < _LEAST.get(name, 1):
            faults.append(
                f"variable {name!r} has {length} characters; usual ones need {_LEAST[name]} and become {_EMPTY!r}"
            )
    return faults


#: Matches everything, if only its beginning.
_NUMBER = re.compile(r"[-+0-9.e]*")
#: Marks that providers take for a signature or refuse as decoration.
_REFUSED = re.compile(r"[【】\[\]『』「」〖〗•★※→$^_√¥~]")


def _value(name: str, text: str, most: int) -> str:
    """At most ``most`` characters on one line, without links, and without marks that providers refuse."""
    plain = " ".join(unicodedata.normalize("NFC", _REFUSED.sub(" ", without_links(text))).split())
    if name in _LEAST and len(plain) > most:
        # A number or a time that is cut is another one: the unit or the date goes, or all of it.
        number = _NUMBER.match(plain)
        shorter = plain.rpartition(" ")[2] if name == "since" else number[0] if number else ""
        plain = shorter if len(shorter) <= most else ""
    return plain[:most].strip() or _EMPTY
