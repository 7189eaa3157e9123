"""One tar with everything a closed network needs: ``make offline-kit``, or ARCH=aarch64 PYTHONS="3.11 3.13".

The same sources, lock and pip give the same bytes: names sorted, times and owners fixed, wheels by their hash.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from offline_wheels import ARCHITECTURES, MissingWheelError, Target, gather, locked, pip_pin, requirements, sha256

PROJECT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.13")
#: What builds the product's own wheel; another version would write other bytes.
BUILDER = "hatchling==1.33.0"
#: Fixed time of every file in the tar: 2020-02-02, as in the product's wheel.
WHEN = 1_580_601_600
#: Folders and files of the project that go into the kit as they are.
TAKEN = ("docker-compose.yml", "LICENSE", "README.md", "README.zh-CN.md", "CHANGELOG.md", "deploy", "docs")
#: Of these folders only files of such kinds, and never a secret that somebody made beside them: deploy/site holds them.
KINDS = frozenset({"", ".md", ".png", ".yml", ".yaml", ".conf", ".toml", ".sh", ".geojson", ".service", ".timer"})
LEFT_OUT = frozenset({"secrets", "site", "__pycache__"})
#: Beside docker-compose.yml, and run on the machine that loads and saves them.
SCRIPTS = ("install.sh", "START.md")
#: The same, for a kit that can make the gateway's image.
IMAGE_SCRIPTS = ("save-images.sh", "load-images.sh")


def say(words: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"offline-kit: {words}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the kits; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make offline-kit", description=__doc__)
    parser.add_argument("--arch", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--python", nargs="+", default=list(PYTHONS), metavar="X.Y")
    parser.add_argument("--out", type=Path, default=PROJECT / "dist")
    parser.add_argument("--cache", type=Path, default=PROJECT / "dist" / "wheels", help="wheels that are there already")
    chosen = parser.parse_args(arguments)
    try:
        for architecture in chosen.arch:
            targets = [Target(architecture, python) for python in chosen.python]
            say(f"done: {build(targets, chosen.out, chosen.cache)}")
    except MissingWheelError as error:
        say(str(error))
        return 1
    return 0


def build(targets: Sequence[Target], out: Path, cache: Path) -> Path:
    """The kit of one architecture. Raises MissingWheelError."""
    architecture = targets[0].architecture
    version = str(tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    name = f"hygeia-offline-{version}-{architecture}"
    own = own_wheel(cache / "own")
    wanted = locked(PROJECT)
    wheels: dict[str, Path] = {own.name: own}
    members: dict[str, bytes] = {}
    for target in targets:
        found = gather(wanted, target, cache / f"{architecture}-{target.python}", say)
        members[f"requirements/python-{target.python}.txt"] = requirements({**found, "hygeia-gateway": own}).encode()
        wheels |= {file.name: file for file in found.values()}
    pip = gather([pip_pin()], targets[0], cache / "pip", say)["pip"]
    members |= {f"wheels/{file}": wheels[file].read_bytes() for file in sorted(wheels)}
    members[f"tools/{pip.name}"] = pip.read_bytes()
    members |= {file: (PROJECT / path).read_bytes() for file, path in taken()}
    members |= for_containers({target.python for target in targets})
    members["licences.csv"] = licences([*wheels.values(), pip]).encode()
    members["kit.json"] = manifest(version, targets, members)
    members["SHA256SUMS"] = sums(members)
    out.mkdir(parents=True, exist_ok=True)
    tar = out / f"{name}.tar"
    pack(name, members, tar)
    (out / f"{name}.tar.sha256").write_text(f"{sha256(tar)}  {tar.name}\n", encoding="utf-8")
    say(f"{len(members)} files, {tar.stat().st_size / 1e6:.0f} MB, SHA-256 {sha256(tar)}")
    return tar


def own_wheel(folder: Path) -> Path:
    """The product's wheel, built anew by a builder of a fixed version."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    constraint = folder / "builder.txt"
    constraint.write_text(f"{BUILDER}\n", encoding="utf-8")
    uv = str(Path(sys.executable).with_name("uv"))
    command = [uv, "build", "--wheel", "-q", "-b", str(constraint), "--python", sys.executable, "-o", str(folder)]
    subprocess.run([*command, str(PROJECT)], check=True)  # noqa: S603 - our own uv
    built = next(folder.glob("*.whl"))
    say(f"{built.name}: built")
    return built


def taken() -> Iterator[tuple[str, Path]]:
    """(name in the kit, path in the project) of what goes in as it is."""
    for script in SCRIPTS:
        yield script, Path("deploy/offline") / script
    for name in TAKEN:
        found = PROJECT / name
        for file in sorted(found.rglob("*")) if found.is_dir() else [found]:
            path = file.relative_to(PROJECT)
            hidden = LEFT_OUT.intersection(path.parts) or any(part.startswith(".") for part in path.parts)
            if file.is_file() and not hidden and path.parts[:2] != ("deploy", "offline") and file.suffix in KINDS:
                yield path.as_posix(), path


def for_containers(pythons: Collection[str]) -> dict[str, bytes]:
    """What makes and carries images, where the kit has the wheels of the image's Python; else nothing."""
    if image_python() not in pythons:
        say(f"nothing for containers: their image has Python {image_python()}")
        return {}
    scripts = {name: (PROJECT / "deploy" / "offline" / name).read_bytes() for name in IMAGE_SCRIPTS}
    return {**scripts, "Dockerfile": dockerfile().encode(), "images.txt": images().encode()}


def image_python() -> str:
    """``X.Y`` of the base image: ``python:3.13.9-slim-bookworm``."""
    return ".".join(_stages()[0].partition(":")[2].split(".")[:2])


def images() -> str:
    """The pinned images that docker-compose.yml starts, one a line; ``build`` before those that the kit makes."""
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    made = {one["image"] for one in services.values() if "build" in one}
    lines = {f"{'build' if one['image'] in made else 'pull'} {one['image']}" for one in services.values()}
    return "".join(f"{line}\n" for line in sorted({*lines, f"base {_stages()[0]}"}))


def dockerfile() -> str:
    """The project's Dockerfile with another first stage: out of the kit's wheels, without a network."""
    base, last = _stages()
    wheels = (PROJECT / "deploy" / "offline" / "wheels.dockerfile").read_text(encoding="utf-8")
    head = "# The gateway's image out of this kit's wheels: asks no network, needs only its base image."
    return f"{head}\nFROM {base} AS build\n{wheels.replace('@PYTHON@', image_python())}\n{last}"


def _stages() -> tuple[str, str]:
    """The base image of the project's Dockerfile, and its last stage as it stands."""
    text = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    last = text[text.rindex("\nFROM ") + 1 :]
    return last.split()[1], last


def licences(wheels: Sequence[Path]) -> str:
    """Name, version and licence of everything in the kit, as each wheel says it; the texts are inside the wheels."""
    rows = []
    for file in wheels:
        with zipfile.ZipFile(file) as wheel:
            member = next(one for one in wheel.namelist() if one.endswith(".dist-info/METADATA"))
            said = email.message_from_bytes(wheel.read(member))
        classified = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith("License")]
        short = str(said.get("License") or "").strip().splitlines()[:1]
        licence = said.get("License-Expression") or ", ".join(classified) or "".join(short) or "see the wheel"
        rows.append(f'{said["Name"]},{said["Version"]},"{str(licence).replace(chr(34), chr(39))}"')
    return "\n".join(["name,version,licence", *sorted(set(rows), key=str.lower)]) + "\n"


def manifest(version: str, targets: Sequence[Target], members: Mapping[str, bytes]) -> bytes:
    """``kit.json``: what this kit is for."""
    document = {
        "kit": "hygeia-offline/1",
        "version": version,
        "architecture": targets[0].architecture,
        "python": [target.python for target in targets],
        "glibc": ">= 2.28",
        "wheels": sum(name.startswith("wheels/") for name in members),
        "images": members.get("images.txt", b"").decode().splitlines(),
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def sums(members: Mapping[str, bytes]) -> bytes:
    """``SHA256SUMS`` of every other member, for ``sha256sum -c``."""
    return "".join(f"{hashlib.sha256(members[name]).hexdigest()}  {name}\n" for name in sorted(members)).encode()


def pack(name: str, members: Mapping[str, bytes], tar: Path) -> None:
    """Write the tar: one folder ``name``, members sorted, the same bytes each time."""
    begun = tar.with_suffix(".part")
    with tarfile.open(begun, "w", format=tarfile.GNU_FORMAT) as packed:
        for member in sorted(members):
            entry = tarfile.TarInfo(f"{name}/{member}")
            entry.size, entry.mtime = len(members[member]), WHEN
            entry.mode = 0o755 if member.endswith(".sh") else 0o644
            packed.addfile(entry, io.BytesIO(members[member]))
    begun.replace(tar)


if __name__ == "__main__":
    sys.exit(main())
