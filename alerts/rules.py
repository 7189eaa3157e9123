"""Reading rule packs: ``parse_pack`` is pure, ``load_packs`` only reads the files for it.

Both report every fault at once, as ``FILE:LINE: what was written: what is allowed``. The shape of a pack stands in
``alerts.pack``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from alerts import partial
from alerts.pack import Pack
from alerts.soundness import faults_between
from devices import lines

__all__ = ["SHIPPED", "Pack", "PackError", "known_packs", "load_packs", "pack_text", "parse_pack"]

SHIPPED = Path(__file__).parent / "packs"


class PackError(Exception):
    """Packs that cannot be used; ``faults`` holds one line a fault: file, line, what was written, what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def parse_pack(text: str, name: str) -> Pack:
    """Read one pack. ``name`` is its file name or id, for the messages. Raises PackError with every fault."""
    pack, faults = _parsed(text)
    if pack is None:
        raise PackError([f"{name}:{line}: {words}" for line, words in faults])
    return pack


# A start reads each pack twice, from the snapshot and from its file, and a pack takes 0.1 s; it cannot be changed.
@functools.lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[Pack | None, list[tuple[int, str]]]:
    """The pack, or its faults with their lines."""
    document = lines.Lines(text)
    faults = list(document.faults)
    if document.data is not None:
        pack, found = _validated(document.data)
        faults += [(document.of(path), words) for path, words in found]
        if pack is not None and not faults:
            return pack.written_as(text), []
    return None, sorted(set(faults))


def load_packs(names: Sequence[str], folder: Path | None = None) -> list[Pack]:
    """Read packs by id from ``folder``, else from those that Hygeia ships.

    Raises:
        PackError: with every fault of every pack; a pack that does not exist or is named twice is one.
    """
    packs: list[Pack] = []
    faults: list[str] = []
    for name in names:
        path = next((path for path in _candidates(name, folder) if path.is_file()), None)
        if path is None:
            faults.append(f"alerts.packs: there is no pack {name!r}; allowed: {', '.join(known_packs(folder))}")
            continue
        try:
            pack = parse_pack(path.read_text(encoding="utf-8"), str(path))
        except PackError as error:
            faults += error.faults
        except OSError as error:
            faults.append(f"{path}: {error.strerror}; allowed: a file that the gateway may read")
        except UnicodeDecodeError as error:
            faults.append(f"{path}: byte {error.start} is not UTF-8; allowed: UTF-8 text")
        else:
            packs.append(pack)
            if pack.id != name:
                faults.append(f"{path}: pack = {pack.id!r}; allowed: {name!r}, the name of the file")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    faults += [f"alerts.packs: {name!r} is named twice; allowed: once" for name in twice]
    if faults:
        raise PackError(faults)
    return packs


def pack_text(name: str, folder: Path | None = None) -> str:
    """The text of one pack, once it is known to be sound. Raises PackError as ``load_packs`` does."""
    return load_packs([name], folder)[0].text


def known_packs(folder: Path | None = None) -> list[str]:
    """Names of the packs in ``folder`` and of those that Hygeia ships."""
    folders = [SHIPPED] if folder is None else [SHIPPED, folder]
    return sorted({path.stem for place in folders for path in place.glob("*.yaml")})


def _candidates(name: str, folder: Path | None) -> Iterator[Path]:
    if re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
        if folder is not None:
            yield folder / f"{name}.yaml"
        yield SHIPPED / f"{name}.yaml"


def _validated(data: object) -> tuple[Pack | None, list[tuple[lines.Path, str]]]:
    try:
        pack = Pack.model_validate(data)
    except ValidationError as error:
        found: dict[tuple[lines.Path, str], list[str]] = {}
        for item in error.errors(include_url=False):
            if item["type"] == "default_factory_not_called":
                continue
            path, words = _fault(item)
            found.setdefault((path, _shown(path, item)), []).append(words)
        faults = [
            (path, f"{shown}: {' or '.join(words).replace(' or allowed:', ' or')}")
            for (path, shown), words in found.items()
        ]
    else:
        return pack, list(faults_between(partial.of_pack(pack)))
    return None, [*faults, *faults_between(partial.of_data(data))]


#: What pydantic adds to a path for the branch of a union.
_BRANCH = re.compile(r"[\[\](]|^(float|list|literal|constrained-float|constrained-list)$")


def _fault(item: ErrorDetails) -> tuple[lines.Path, str]:
    path = tuple(part for part in item["loc"] if not (isinstance(part, str) and _BRANCH.search(part)))
    if item["type"] == "extra_forbidden":
        return path, f"there is no such key; allowed: {', '.join(_keys(path[:-1]))}"
    if item["type"] == "missing":
        return path, "it is missing"
    if item["type"] in {"model_type", "model_attributes_type"}:
        return path, "allowed: keys with values"
    if item["type"] == "too_short":
        return path, f"allowed: at least {item['ctx']['min_length']}"
    words = item["msg"].removeprefix("Value error, ")
    return path, re.sub(r"^(Input|String|List|Value) should (be )?", "allowed: ", words)


def _shown(path: lines.Path, item: ErrorDetails) -> str:
    where = lines.dotted(path) or "the pack"
    written = item["input"]
    plain = isinstance(written, str | int | float | bool) and item["type"] not in {"missing", "extra_forbidden"}
    return f"{where} = {written!r}" if plain else where


def _keys(path: lines.Path) -> list[str]:
    """The keys that may stand at a path of a pack."""
    kinds: list[Any] = [Pack]
    for step in path:
        kinds = [inner for kind in kinds for inner in _inside(kind, step)]
    models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
    return [info.alias or name for model in models for name, info in model.model_fields.items()] or ["none"]


def _inside(kind: Any, step: str | int) -> Iterator[Any]:  # noqa: ANN401 - types as pydantic has them
    """The types that a value of this type has at a key or place."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is list and isinstance(step, int):
        yield from _plain(parts[0])
    elif origin is dict:
        yield from _plain(parts[1])
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if (info.alias or name) == step:
                yield from _plain(info.annotation)


def _plain(kind: Any) -> Iterator[Any]:  # noqa: ANN401 - likewise
    """The types of a union, without what is annotated."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        yield from _plain(parts[0])
    elif origin in {Union, UnionType}:
        for part in parts:
            yield from _plain(part)
    else:
        yield kind
