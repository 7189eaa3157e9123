"""Each test is one sentence of behaviour and waits for conditions, never for time to pass."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
FILES = sorted(TESTS.rglob("test_*.py"))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The tests of a file, those in classes too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def test_every_test_says_in_one_sentence_what_holds() -> None:
    """Each test has a docstring of one paragraph that ends like a sentence."""
    wrong = []
    for file in FILES:
        for function in functions(file):
            text = ast.get_docstring(function) or ""
            if not text.endswith((".", "。")) or "\n\n" in text:
                wrong.append(f"{file.name}:{function.lineno} {function.name}")
    assert wrong == []


def test_no_test_waits_for_time_to_pass() -> None:
    """A test sleeps only inside a loop that asks for a condition, or for no time at all to let another task run."""
    wrong = []
    for file in FILES:
        for function in functions(file):
            polling = {id(call) for loop in ast.walk(function) if isinstance(loop, ast.While) for call in sleeps(loop)}
            wrong += [f"{file.name}:{call.lineno}" for call in sleeps(function) if id(call) not in polling]
    assert wrong == []


def sleeps(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls of sleep with anything but a plain 0."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "sleep":
            zero = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if not zero:
                yield node


def test_every_file_of_tests_can_fail() -> None:
    """Each file of tests asserts, expects an exception, or fails by itself."""
    wrong = []
    for file in FILES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        if not any(isinstance(node, ast.Assert) or _expects(node) for node in ast.walk(tree)):
            wrong.append(file.name)
    assert wrong == []


def _expects(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in {"raises", "fail", "RuleBasedStateMachine"}


def test_file_names_are_unique() -> None:
    """No two test files share a name: the folders are no packages."""
    names = [file.name for file in FILES]
    assert sorted(set(names)) == sorted(names)
