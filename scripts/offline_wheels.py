"""Locked wheels of the product for a machine that is not this one: what uv.lock names, checked by SHA-256.

``uv export`` gives every locked package with its marker and the hashes of all its files; the marker is judged for the
target (architecture, Python), then pip downloads what the folder lacks, with ``--require-hashes``. Where packages come
from, this machine's configuration of pip says. What is there already is not asked for again.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker
from packaging.utils import canonicalize_name, parse_wheel_filename

#: glibc 2.28 and newer: Debian 10, Ubuntu 20.04, RHEL 8, openEuler 20.03, Kylin V10 SP3 and what came after them.
GLIBC = ("2_28", "2_27", "2_26", "2_24", "2_17", "2_5")
ARCHITECTURES = ("x86_64", "aarch64")
#: What installs the wheels there, itself a wheel; no lock names it, so its hash stands here.
PIP = ("pip", "26.3", "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13")

Say = Callable[[str], None]


class Target(NamedTuple):
    """A machine that is not this one: Linux with glibc 2.28 or newer and CPython."""

    architecture: str
    python: str

    @property
    def environment(self) -> dict[str, str]:
        """What markers are judged with (PEP 508)."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.architecture,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }


class Pin(NamedTuple):
    """A locked package: its requirement ``name==version`` and the SHA-256 of every file it may be."""

    name: str
    version: str
    marker: Marker | None
    hashes: frozenset[str]

    def wanted_by(self, target: Target) -> bool:
        """Whether the target needs it."""
        return self.marker is None or self.marker.evaluate(target.environment)


class MissingWheelError(Exception):
    """There is no wheel of a locked package for a target."""


def pins(export: str) -> list[Pin]:
    """The packages of an export of uv in the format ``requirements-txt``."""
    found = []
    for block in export.replace("\\\n", " ").splitlines():
        requirement, *hashes = block.split("--hash=sha256:")
        if not hashes:
            continue
        plain, _, marker = requirement.partition(";")
        name, _, version = plain.strip().partition("==")
        judged = Marker(marker.strip()) if marker.strip() else None
        found.append(Pin(canonicalize_name(name), version, judged, frozenset(one.strip() for one in hashes)))
    return found


def locked(project: Path) -> list[Pin]:
    """What the product needs to run and to print, from uv.lock; asks nobody."""
    command = [str(Path(sys.executable).with_name("uv")), "export", "--project", str(project), "--frozen", "--no-dev"]
    command += ["--no-emit-project", "--no-header", "--no-annotate", "--extra", "print", "-q"]
    return pins(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603 - our own uv


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as read:
        return hashlib.file_digest(read, "sha256").hexdigest()


def gather(wanted: Sequence[Pin], target: Target, folder: Path, say: Say) -> dict[str, Path]:
    """Every wheel the target needs, by name; downloads what ``folder`` lacks. Raises MissingWheelError."""
    folder.mkdir(parents=True, exist_ok=True)
    needed = [pin for pin in wanted if pin.wanted_by(target)]
    found = _present(needed, folder)
    missing = [pin for pin in needed if pin.name not in found]
    if missing:
        say(f"{target.architecture}, Python {target.python}: {len(missing)} of {len(needed)} wheels to download")
        _download(missing, target, folder, say)
        found = _present(needed, folder)
    absent = sorted(pin.name for pin in needed if pin.name not in found)
    if absent:
        words = f"no wheel for {target.architecture} and Python {target.python}: {', '.join(absent)}"
        raise MissingWheelError(words)
    say(f"{target.architecture}, Python {target.python}: {len(needed)} wheels there, checked against uv.lock")
    return found


def _present(needed: Sequence[Pin], folder: Path) -> dict[str, Path]:
    """Wheels in the folder whose hash the lock has; any other file of these names is taken away."""
    by_name = {pin.name: pin for pin in needed}
    found = {}
    for file in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(file.name)
        pin = by_name.get(name)
        if pin is None or str(version) != pin.version:
            continue
        if sha256(file) in pin.hashes:
            found[str(name)] = file
        else:
            file.unlink()
    return found


def _download(missing: Sequence[Pin], target: Target, folder: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory(prefix="hygeia-kit-") as name:
        work = Path(name)
        python = _python_with_pip(work)
        # A few at a time, so that something is seen of it and a broken line costs little.
        for first in range(0, len(missing), 10):
            part = missing[first : first + 10]
            listed = work / "requirements.txt"
            listed.write_text("".join(_line(pin, pin.hashes) for pin in part), encoding="utf-8")
            command = [python, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
            command += ["--require-hashes", "--only-binary", ":all:", "--implementation", "cp"]
            command += ["--python-version", target.python, "-r", str(listed), "-d", str(folder)]
            for glibc in GLIBC:
                command += ["--platform", f"manylinux_{glibc}_{target.architecture}"]
            done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - pip, arguments ours
            if done.returncode:
                raise MissingWheelError(f"pip: {done.stderr.strip()}")
            say(f"  {min(first + 10, len(missing))} of {len(missing)}: {', '.join(pin.name for pin in part)}")


def _python_with_pip(work: Path) -> str:
    """This Python where it has pip, else a new environment of it that has."""
    if not subprocess.run([sys.executable, "-m", "pip", "--version"], check=False, capture_output=True).returncode:
        return sys.executable
    venv.create(work / "pip", with_pip=True)
    return str(work / "pip" / "bin" / "python")


def pip_pin() -> Pin:
    """The wheel of pip that the kit carries."""
    name, version, digest = PIP
    return Pin(name, version, None, frozenset({digest}))


def requirements(found: dict[str, Path]) -> str:
    """What pip installs at the target: exactly these files."""
    lines = []
    for name, file in sorted(found.items()):
        version = str(parse_wheel_filename(file.name)[1])
        lines.append(_line(Pin(name, version, None, frozenset()), {sha256(file)}))
    return "".join(lines)


def _line(pin: Pin, hashes: set[str] | frozenset[str]) -> str:
    return f"{pin.name}=={pin.version} " + " ".join(f"--hash=sha256:{one}" for one in sorted(hashes)) + "\n"
