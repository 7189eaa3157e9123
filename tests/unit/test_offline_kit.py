"""The offline kit: what the lock gives each kind of machine, the same bytes each time, and scripts that check."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

PROJECT = Path(__file__).resolve().parents[2]
OFFLINE = PROJECT / "deploy" / "offline"


def script(name: str) -> ModuleType:
    """A module of scripts/, which is no package."""
    folder = str(PROJECT / "scripts")
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


wheels = script("offline_wheels")
kit = script("offline_kit")


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_every_locked_package_has_a_wheel_for_every_machine(architecture: str, python: str) -> None:
    """Judged by uv.lock alone: a new dependency without a wheel for aarch64 fails here."""
    version = tuple(int(part) for part in python.split("."))
    platforms = [f"manylinux_{glibc}_{architecture}" for glibc in wheels.GLIBC] + [f"manylinux2014_{architecture}"]
    fitting = {*cpython_tags(version, platforms=platforms), *compatible_tags(version, "cp", platforms)}
    lock = tomllib.loads((PROJECT / "uv.lock").read_text("utf-8"))
    files: dict[str, set[str]] = {}
    for package in lock["package"]:
        for wheel in package.get("wheels", []):
            name = wheel["url"].rpartition("/")[2].replace("%2B", "+")
            if parse_wheel_filename(name)[3] & fitting:
                files.setdefault(f"{package['name']}=={package['version']}", set()).add(wheel["hash"])
    target = wheels.Target(architecture, python)
    needed = [pin for pin in wheels.locked(PROJECT) if pin.wanted_by(target)]
    assert len(needed) > 50
    missing = [pin.name for pin in needed if f"{pin.name}=={pin.version}" not in files]
    assert missing == []


def test_markers_are_judged_for_the_target_and_not_for_this_machine() -> None:
    """Numpy of Python 3.11 is another one than that of 3.13; nothing of Windows comes."""
    export = (
        "numpy==2.4.6 ; python_full_version < '3.12' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
        "numpy==2.5.5 ; python_full_version >= '3.12' \\\n    --hash=sha256:cc\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:dd\n"
        "plain_name==1.0 \\\n    --hash=sha256:ee\n"
    )
    found = wheels.pins(export)
    assert [(pin.name, len(pin.hashes)) for pin in found] == [
        ("numpy", 2),
        ("numpy", 1),
        ("colorama", 1),
        ("plain-name", 1),
    ]
    chosen = [pin.version for pin in found if pin.wanted_by(wheels.Target("aarch64", "3.13"))]
    assert chosen == ["2.5.5", "1.0"]


def test_a_wheel_that_is_not_what_the_lock_says_is_not_taken(tmp_path: Path) -> None:
    """A changed file in the folder of wheels is thrown away, so that it is downloaded again."""
    good, bad = tmp_path / "good-1.0-py3-none-any.whl", tmp_path / "bad-1.0-py3-none-any.whl"
    good.write_bytes(b"good")
    bad.write_bytes(b"bad")
    pins = [
        wheels.Pin("good", "1.0", None, frozenset({hashlib.sha256(b"good").hexdigest()})),
        wheels.Pin("bad", "1.0", None, frozenset({hashlib.sha256(b"other").hexdigest()})),
    ]
    assert wheels._present(pins, tmp_path) == {"good": good}
    assert not bad.exists()


def test_the_same_members_make_the_same_tar(tmp_path: Path) -> None:
    """In any order, at any time."""
    members = {"b/x.sh": b"#!/bin/sh\n", "a": b"1"}
    kit.pack("kit", members, tmp_path / "one.tar")
    kit.pack("kit", dict(reversed(members.items())), tmp_path / "two.tar")
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    with tarfile.open(tmp_path / "one.tar") as packed:
        assert packed.getnames() == ["kit/a", "kit/b/x.sh"]
        assert [entry.mode for entry in packed] == [0o644, 0o755]


def test_no_secret_and_nothing_hidden_goes_into_the_kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody made beside the shipped files stays at home."""
    for name in (
        "deploy/a.conf",
        "deploy/site/hygeia.toml",
        "deploy/secrets/token",
        "deploy/.env",
        "deploy/ca.key",
        "deploy/offline/wheels.dockerfile",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.setattr(kit, "PROJECT", tmp_path)
    monkeypatch.setattr(kit, "TAKEN", ("deploy",))
    assert [name for name, _ in kit.taken() if name not in kit.SCRIPTS] == ["deploy/a.conf"]


def test_the_kit_takes_what_the_compose_file_mounts() -> None:
    """Sample map, settings, dashboards, documentation; and the images that it starts, pinned."""
    names = {name for name, _ in kit.taken()}
    assert {"docker-compose.yml", "LICENSE", "deploy/maps/hygeia-districts.geojson", "docs/offline.md"} <= names
    listed = kit.images().splitlines()
    assert all(image.partition(" ")[0] in {"pull", "build", "base"} for image in listed)
    assert any(line.startswith("build hygeia-gateway:") for line in listed)
    assert any(line.startswith("base python:") for line in listed)
    assert all(":" in line.rpartition("/")[2] and not line.endswith(":latest") for line in listed)


def test_the_image_out_of_the_kit_is_the_projects_own_but_for_its_wheels() -> None:
    """The same base, user, folders and entry; the first stage takes wheels and asks nobody."""
    own, made = (PROJECT / "Dockerfile").read_text("utf-8"), kit.dockerfile()
    assert made.endswith(own[own.rindex("\nFROM ") + 1 :])
    bases = [line.split()[1] for line in made.splitlines() if line.startswith("FROM ")]
    assert bases == [bases[0]] * 2
    assert f"base {bases[0]}" in kit.images().splitlines()
    assert bases[0].startswith(f"python:{kit.PYTHONS[-1]}")
    first = made[: made.rindex("\nFROM ")]
    assert "--no-index" in first
    assert f"requirements/python-{kit.PYTHONS[-1]}.txt" in first


def test_a_kit_without_the_images_python_has_nothing_for_containers(capsys: pytest.CaptureFixture[str]) -> None:
    """Its image could not be built: the wheels of that Python are not in it."""
    made = kit.for_containers({"3.11", kit.image_python()})
    assert set(made) == {"Dockerfile", "images.txt", "save-images.sh", "load-images.sh"}
    assert kit.for_containers({"3.10"}) == {}
    assert f"nothing for containers: their image has Python {kit.image_python()}" in capsys.readouterr().err


def unpacked(folder: Path, architecture: str) -> Path:
    """A kit without wheels, as the scripts see it."""
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / f"python-{sys.version_info[0]}.{sys.version_info[1]}.txt").write_text("")
    (folder / "kit.json").write_text(json.dumps({"architecture": architecture}, indent=2) + "\n")
    (folder / "images.txt").write_text("base python:3.13\nbuild gateway:1\npull broker:2\n")
    for name in ("install.sh", "save-images.sh", "load-images.sh"):
        (folder / name).write_bytes((OFFLINE / name).read_bytes())
        (folder / name).chmod(0o755)
    sums = [f"{hashlib.sha256((folder / 'images.txt').read_bytes()).hexdigest()}  images.txt\n"]
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def run(folder: Path, name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the kit's scripts."""
    return subprocess.run(
        [str(folder / name), *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_kit_of_another_machine_is_refused(tmp_path: Path) -> None:
    """Before anything is made."""
    done = run(unpacked(tmp_path / "kit", "riscv64"), "install.sh", str(tmp_path / "to"))
    assert done.returncode == 1
    assert "this kit is for riscv64" in done.stderr
    assert not (tmp_path / "to").exists()


def test_a_kit_with_a_changed_file_is_refused(tmp_path: Path) -> None:
    """The sums are checked before anything is installed."""
    folder = unpacked(tmp_path / "kit", os.uname().machine)
    (folder / "images.txt").write_text("pull evil:1\n")
    done = run(folder, "install.sh", str(tmp_path / "to"))
    assert done.returncode == 1
    assert "copy the kit again" in done.stderr
    assert not (tmp_path / "to").exists()


def test_a_kit_without_this_python_says_which_it_has(tmp_path: Path) -> None:
    """The person can install one of them."""
    folder = unpacked(tmp_path / "kit", os.uname().machine)
    (folder / "requirements").joinpath("python-3.99.txt").write_text("")
    for file in (folder / "requirements").glob("python-3.1*.txt"):
        file.unlink()
    done = run(folder, "install.sh", str(tmp_path / "to"))
    assert done.returncode == 1
    assert "wheels for: 3.99" in done.stderr


def test_images_are_saved_outside_and_loaded_inside(tmp_path: Path) -> None:
    """With the engine's own commands, for the kit's machine; a file that changed on the way is not loaded."""
    folder = unpacked(tmp_path / "kit", "aarch64")
    engine = tmp_path / "engine"
    engine.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\nif [ "$1" = save ]; then echo images >"$3"; fi\n', encoding="utf-8"
    )
    engine.chmod(0o755)
    assert run(folder, "save-images.sh", ENGINE=str(engine)).returncode == 0
    assert run(folder, "load-images.sh", ENGINE=str(engine)).returncode == 0
    assert (tmp_path / "calls").read_text().splitlines() == [
        "pull -q --platform linux/arm64 python:3.13",
        "pull -q --platform linux/arm64 broker:2",
        "build -q --platform linux/arm64 --network none -t gateway:1 .",
        "save -o images-aarch64.tar broker:2 gateway:1",
        "load -q -i images-aarch64.tar",
    ]
    (folder / "images-aarch64.tar").write_text("changed")
    done = run(folder, "load-images.sh", ENGINE=str(engine))
    assert done.returncode == 1
    assert "copy it again" in done.stderr
