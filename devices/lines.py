"""YAML with the line of every value, so that a fault can be shown where it was written (pure)."""

from __future__ import annotations

from typing import Any

import yaml

Path = tuple[str | int, ...]
#: The one in C where the wheel has it: five times as fast, and every start reads all packs.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: Aliases can make a small file huge; a rule pack or profile has some hundred values.
MAX_VALUES = 100_000


class Lines:
    """A YAML document: ``data`` as plain values, ``faults`` as (path, words); both are set by the constructor.

    A text that is no YAML has ``data`` None and one fault whose path is empty.
    """

    def __init__(self, text: str) -> None:
        self.data: Any = None
        self.faults: list[tuple[int, str]] = []
        self._lines: dict[Path, int] = {}
        self._values = 0
        try:
            self._read(_Loader(text))
        except (yaml.YAMLError, ValueError, RecursionError):
            # The one in C has fewer words for what is wrong, and looks for it elsewhere.
            self._again(text)

    def _again(self, text: str) -> None:
        self.data, self.faults, self._lines, self._values = None, [], {}, 0
        try:
            self._read(yaml.SafeLoader(text))
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            self.faults.append((line, f"not YAML: {error.problem or error.context}"))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            words = str(error).splitlines() or [type(error).__name__]
            self.faults.append((1, f"not YAML: {words[0]}"))

    def _read(self, loader: yaml.SafeLoader) -> None:
        try:
            node = loader.get_single_node()
            if node is None:
                self.faults.append((1, "the file is empty"))
            else:
                self._walk(node, (), ())
                self.data = loader.construct_document(node)
        finally:
            loader.dispose()

    def of(self, path: Path) -> int:
        """The line of the value at ``path``, or of the nearest value around it that was written."""
        while path not in self._lines and path:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _walk(self, node: yaml.Node, path: Path, above: tuple[int, ...]) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES} values")
        self._lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in above:
            raise ValueError(f"the value in line {node.start_mark.line + 1} contains itself")
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                name = str(key.value)
                line = key.start_mark.line + 1
                if name in seen:
                    self.faults.append((line, f"{dotted((*path, name))}: the key is written twice; allowed: once"))
                seen.add(name)
                self._lines[*path, name] = line
                self._walk(value, (*path, name), inside)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, index), inside)


def dotted(path: Path) -> str:
    """``rules[2].when.place_kinds`` of a path."""
    words = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return words.removeprefix(".")
