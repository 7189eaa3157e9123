"""Reading producer profiles; what is wrong with one is said all at once, as ``FILE:LINE: what was written: allowed``.

A profile is one YAML file whose keys are those of ``custody.profile`` (docs/custody-profiles.md shows each). Only
``shipped`` and ``load_profiles`` read files.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from custody.event import STEPS
from custody.profile import Pair, Profile
from devices import lines

SHIPPED = Path(__file__).parent / "producers"

#: What counts for a unit that names no producer profile, or one that there is not.
DEFAULT = "hospital"

_PAIRS: tuple[str, ...] = get_args(Pair)


class ProfileError(Exception):
    """Profiles that cannot be used; ``faults`` has a line for each: file, line, what was written, what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _step(name: str) -> str:
    if name not in STEPS:
        raise ValueError(f"no such step; allowed: {', '.join(sorted(STEPS))}")
    return name


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError('allowed: a time of day in quotes, such as "18:00"')
    return text


_Step = Annotated[str, AfterValidator(_step)]
_Written = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Title(_Part):
    zh: _Written
    en: _Written


class _Collection(_Part):
    every: Literal["daily", "weekly", "call"]
    by: Annotated[str, AfterValidator(_clock)]
    grace_min: int = Field(ge=0, le=7 * 24 * 60)
    source: _Written
    verified: bool


class _Tolerance(_Part):
    divisions: int = Field(ge=0, le=100)
    percent: float = Field(ge=0, le=100, allow_inf_nan=False)
    source: _Written
    verified: bool


class _Document(_Part):
    """A profile as it is written."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    version: _Written
    title: _Title
    begins: list[_Step] = Field(min_length=1)
    two: list[_Step]
    weighed: list[_Step]
    handover: Literal["confirm", "badges"]
    collection: _Collection
    tolerance: dict[Pair, _Tolerance]
    most_g: int = Field(ge=1, le=100_000_000)
    division_g: int = Field(ge=1, le=100_000)
    settle_h: int = Field(ge=1, le=14 * 24)
    baseline_days: int = Field(ge=1, le=400)
    baseline_least: int = Field(ge=1, le=400)
    source: _Written
    verified: bool

    @model_validator(mode="after")
    def _whole(self) -> _Document:
        absent = [pair for pair in _PAIRS if pair not in self.tolerance]
        if absent:
            raise ValueError(f"tolerance: {', '.join(absent)} missing")
        if self.baseline_least > self.baseline_days:
            raise ValueError(f"baseline_least {self.baseline_least} is above baseline_days {self.baseline_days}")
        return self


def parse_profile(text: str, name: str) -> Profile:
    """Read one profile. ``name`` is its file name or id, for the messages. Raises ProfileError with every fault."""
    profile, faults = _parsed(text)
    if profile is None:
        raise ProfileError([f"{name}:{line}: {words}" for line, words in faults])
    return profile


# A start reads each profile for its check and again for its use; a profile cannot be changed.
@functools.lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[Profile | None, list[tuple[int, str]]]:
    """The profile, or its faults with their lines."""
    document = lines.Lines(text)
    faults = list(document.faults)
    if document.data is not None:
        try:
            written = _Document.model_validate(document.data)
        except ValidationError as error:
            faults += [_fault(document, item) for item in error.errors(include_url=False)]
        else:
            if not faults:
                found = written.model_dump()
                return msgspec.convert(found | {"id": found.pop("profile")}, Profile), []
    return None, sorted(set(faults))


def shipped() -> dict[str, str]:
    """The texts of the profiles that Hygeia ships, by id."""
    return _texts(SHIPPED, [])


def load_profiles(folder: Path | None = None) -> dict[str, str]:
    """The texts of the profiles in force by id: those shipped, replaced and extended by ``folder/*.yaml``.

    A folder that does not exist is an empty one.

    Raises:
        ProfileError: with every fault of every profile; a file that is not called by its profile's id is one.
    """
    faults: list[str] = []
    found = shipped()
    own = _texts(folder, faults) if folder is not None else {}
    for name, text in own.items():
        path = f"{folder}/{name}.yaml"
        try:
            profile = parse_profile(text, path)
        except ProfileError as error:
            faults += error.faults
        else:
            if profile.id != name:
                line = lines.Lines(text).of(("profile",))
                faults.append(f"{path}:{line}: profile = {profile.id!r}; allowed: {name!r}, the name of the file")
    if faults:
        raise ProfileError(faults)
    return found | own


def parse_profiles(texts: Mapping[str, str]) -> dict[str, Profile]:
    """The profiles of texts that ``load_profiles`` gave. Raises ProfileError."""
    return {name: parse_profile(text, name) for name, text in sorted(texts.items())}


def profile_of(profiles: Mapping[str, Profile], producer: str) -> Profile:
    """The profile of a unit's ``producer``; that of a hospital where it has none, or one that there is not."""
    return profiles.get(producer) or profiles[DEFAULT]


def _texts(folder: Path, faults: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            found[path.stem] = path.read_text(encoding="utf-8")
        except OSError as error:
            faults.append(f"{path}: {error.strerror}; allowed: a file that the gateway may read")
        except UnicodeDecodeError as error:
            faults.append(f"{path}: byte {error.start} is not UTF-8; allowed: UTF-8 text")
    return found


def _fault(document: lines.Lines, item: Any) -> tuple[int, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    path = tuple(part for part in item["loc"] if part != "[key]")
    where = lines.dotted(path) or "the profile"
    if item["type"] == "extra_forbidden":
        return document.of(path), f"{where}: there is no such key; allowed: {', '.join(_keys(path[:-1]))}"
    if item["type"] == "missing":
        return document.of(path), f"{where}: it is missing"
    words = re.sub(r"^(Input|String|List|Value) should (be )?", "allowed: ", item["msg"].removeprefix("Value error, "))
    shown = item["input"]
    return document.of(path), f"{where} = {shown!r}: {words}" if isinstance(
        shown, str | int | float
    ) else f"{where}: {words}"


def _keys(path: tuple[str | int, ...]) -> list[str]:
    models: dict[tuple[str | int, ...], type[BaseModel]] = {
        (): _Document,
        ("title",): _Title,
        ("collection",): _Collection,
    }
    model = models.get(path) or (_Tolerance if path[:1] == ("tolerance",) else None)
    return list(model.model_fields) if model else ["none"]
