"""The code keeps the rules of the house: direction of imports, pure decisions, small files, no mirror named."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "devices", "alerts", "custody", "dashboards")
PYTHON = sorted(
    file for folder in (*PACKAGES, "tests", "benchmarks", "scripts") for file in (ROOT / folder).rglob("*.py")
)
LONGEST = 400
#: Files that are longer, each with the reason.
LONG: dict[str, str] = {
    "tests/fault/test_deliver.py": "every way in which a receiver can fail, against one contract",
    "tests/fault/test_intake_wire.py": "every byte sequence of one protocol",
    "tests/unit/test_notify_text.py": "every text people get, line by line in both languages",
    "custody/evidence/verify.py": "stands alone, as one file, in every bundle of evidence",
    "tests/unit/test_evaluate.py": "one story a rule of one module",
    "tests/unit/test_journal_writer.py": "one promise of one module a test",
}
FORBIDDEN = {"asyncio", "socket", "time", "random", "secrets", "uuid", "os"}
#: Modules that decide: everything in these places,
DECIDING = ("devices", "alerts", "custody", "gateway/decide")
#: but for those that read files, speak to the outside or make data up, each with the reason.
DOING = {
    "devices/files": "reads and writes registry files",
    "devices/simulate": "makes data up, from a seed",
    "alerts/notify": "tells people",
    "gateway/decide/decider.py": "runs the thread that decides",
    "gateway/decide/commit.py": "writes the transaction",
    "gateway/decide/snapshot.py": "reads and writes snapshots",
}


def test_imports_go_one_way() -> None:
    """import-linter finds every contract of pyproject.toml kept."""
    program = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert ran.returncode == 0, ran.stdout


def imports(file: Path) -> Iterator[str]:
    """Top-level names of all modules that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.split(".")[0]


def test_deciding_modules_take_the_time_as_an_argument() -> None:
    """What decides imports no clock, network, chance or environment, and asks datetime for no present."""
    wrong = []
    for file in PYTHON:
        name = file.relative_to(ROOT).as_posix()
        if not name.startswith(tuple(f"{place}/" for place in DECIDING)) or name.startswith(tuple(DOING)):
            continue
        found = FORBIDDEN & set(imports(file))
        if found or re.search(r"\b(datetime|date)\.(now|utcnow|today)\(", file.read_text(encoding="utf-8")):
            wrong.append(f"{name}: {', '.join(sorted(found)) or 'the present'}")
    assert wrong == []


def test_exceptions_of_the_rules_exist() -> None:
    """No file or folder stands on a list of exceptions that does not exist any more."""
    for name in (*DOING, *LONG):
        assert (ROOT / name).exists(), name


def test_files_are_small() -> None:
    """No Python file has more than 400 lines without a reason on the list above."""
    long = {
        file.relative_to(ROOT).as_posix(): lines
        for file in PYTHON
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long.keys() - LONG.keys() == set(), long


def test_only_the_lock_names_a_package_registry_and_no_mirror() -> None:
    """Hosts of registries and mirrors stand in no file but uv.lock, and there only the default one."""
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io", "tuna" + ".tsinghua",
             "mirrors.ali" + "yun", "artifact" + "ory"]  # fmt: skip
    pattern = re.compile("|".join(map(re.escape, hosts)))
    suffixes = {".py", ".md", ".toml", ".yml", ".yaml", ".sh", ".cfg", ".conf", ""}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    files = [ROOT / name for name in listed.splitlines() if name != "uv.lock"] or PYTHON
    for file in files:
        if file.suffix in suffixes and file.is_file():
            assert not pattern.search(file.read_text(encoding="utf-8", errors="replace")), file
    lock = (ROOT / "uv.lock").read_text(encoding="utf-8")
    assert set(re.findall(r'https://([^/"]+)/', lock)) <= {"py" + "pi.org", "files.python" + "hosted.org"}


def test_no_two_packages_bring_the_same_module() -> None:
    """Of two packages with one file the one that is installed last wins, and nobody knows which (ADR 18)."""
    brought: dict[str, dict[str, str]] = {}
    for package in importlib.metadata.distributions():
        for file in package.files or ():
            if file.suffix == ".py" and ".." not in file.parts:
                content = file.hash.value if file.hash else ""
                brought.setdefault(str(file), {})[content] = package.metadata["Name"]
    # Two packages of one vendor, whose file differs in a version.
    brought.pop("tencentcloud/__init__.py", None)
    assert {file: set(names.values()) for file, names in brought.items() if len(names) > 1} == {}
