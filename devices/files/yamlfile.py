"""Registry files in YAML (and JSON, which is YAML): every scalar stays the text that was written.

So a badge ``0412`` keeps its zero and ``no`` stays a word; the models decide what is a number or a date. Every value
keeps its line.
"""

from __future__ import annotations

from pathlib import Path as File
from typing import Any

import yaml

from devices.files.faults import Fault, Path, Spot, fault_at
from devices.files.raw import Raw, RawEntry, dotted
from devices.sections import MODELS

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: The key beside the sections that says which system the positions are in.
COORDINATES = "coordinates"
#: A file that unfolds to more nodes than this by its anchors is refused.
_MOST_NODES = 3_000_000
_DEEPEST = 20


class _TooLargeError(ValueError):
    pass


def read_yaml(file: File) -> Raw:
    """Read a registry or map file. Faults of form are noted; what could be read goes on."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            return _unreadable(file.name, 0, "not UTF-8")
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(file.name, mark.line + 1 if mark else 0, f"no valid YAML: {error.problem}")
    except yaml.YAMLError as error:
        return _unreadable(file.name, 0, f"no valid YAML: {' '.join(str(error).split())}")
    if not isinstance(root, yaml.MappingNode):
        return _unreadable(file.name, 1, f"holds no sections; allowed: {', '.join(MODELS)}")
    raw = Raw()
    try:
        _sections(root, file.name, raw)
    except _TooLargeError as error:
        raw.faults.append(Fault(file.name, 0, "", "", "unreadable", str(error)))
    return raw


def _unreadable(name: str, line: int, words: str) -> Raw:
    return Raw(faults=[Fault(name, line, "", "", "unreadable", words, lines=True)])


def _sections(root: yaml.MappingNode, name: str, raw: Raw) -> None:
    builder = _Builder(raw.faults)
    if "columns" in {key.value for key, _ in root.value}:
        raw.mapping = RawEntry("map", builder.mapping(root, name), _Spots(name, root))
        return
    for key, node in root.value:
        section = str(key.value)
        spot = Spot(section, key.start_mark.line + 1, "", line=True)
        if section == COORDINATES:
            raw.coordinates, raw.coordinates_spot = _shown(node), spot
        elif section not in MODELS:
            raw.faults.append(fault_at(spot, section, "sheet", ", ".join(MODELS)))
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                if isinstance(item, yaml.MappingNode):
                    raw.entries.append(RawEntry(section, builder.mapping(item, section), _Spots(section, item)))
                else:
                    line = item.start_mark.line + 1
                    raw.faults.append(
                        fault_at(Spot(section, line, "", line=True), _shown(item), "mapping", "{id: ..., ...}")
                    )
        elif _shown(node):
            raw.faults.append(fault_at(spot, _shown(node), "list", "- {id: ..., ...}"))


def _shown(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "{...}"


class _Builder:
    """Plain values of nodes, counting so that anchors cannot unfold without end."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults
        self._nodes = 0

    def mapping(self, node: yaml.MappingNode, section: str, depth: int = 0) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            if name in built:
                spot = Spot(section, key.start_mark.line + 1, name, line=True)
                self._faults.append(fault_at(spot, name, "duplicate", f"line {node.start_mark.line + 1}"))
            plain = self._value(value, section, depth + 1)
            if plain is not None and plain != "":
                built[name] = plain
        return built

    def _value(self, node: yaml.Node, section: str, depth: int) -> Any:  # noqa: ANN401 - any YAML value
        self._nodes += 1
        if self._nodes > _MOST_NODES or depth > _DEEPEST:
            raise _TooLargeError(f"unfolds to more than {_MOST_NODES} values or {_DEEPEST} levels")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, section, depth)
        if isinstance(node, yaml.SequenceNode):
            items = [self._value(item, section, depth + 1) for item in node.value]
            return [item for item in items if item is not None]
        return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)


class _Spots:
    """Finds the line of a path when a fault asks for it."""

    def __init__(self, section: str, node: yaml.MappingNode) -> None:
        self._section = section
        self._node = node

    def __call__(self, path: Path) -> Spot:
        at: yaml.Node = self._node
        line = at.start_mark.line
        for step in path:
            below = _below(at, step)
            if below is None:
                break
            line, at = below
        return Spot(self._section, line + 1, dotted(path), line=True)


def _below(node: yaml.Node, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark.line, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line, node.value[step]
    return None
