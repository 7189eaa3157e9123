"""The Dockerfile, as far as it can be looked at without an engine; and its steps, done in a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
STEPS = [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in LINES if line and not line.startswith("#")]
LAST = [index for index, (word, _) in enumerate(STEPS) if word == "FROM"][-1]
FINAL = STEPS[LAST:]
INSTALL = "sync -q --locked --no-dev --extra print --no-editable"


def rest(word: str, steps: list[tuple[str, str]]) -> list[str]:
    """What follows an instruction, each time."""
    return [text for name, text in steps if name == word]


def test_every_base_is_pinned_and_of_one_version() -> None:
    """Three numbers, the same for building and running, and no name of an architecture anywhere."""
    bases = [text.split()[0] for text in rest("FROM", STEPS)]
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-bookworm", bases[0])
    assert not re.search(r"amd64|x86|arm64|aarch64|--platform", "\n".join(f"{a} {b}" for a, b in STEPS))


def test_the_final_image_has_no_tools_and_no_root() -> None:
    """Only the finished environment is copied; the user is a number, so that a check of the engine can see it."""
    assert rest("COPY", FINAL) == ["--from=build /opt/hygeia /opt/hygeia"]
    assert any("pip uninstall -y pip" in text for text in rest("RUN", FINAL))
    assert not any("uv" in text.split() for text in rest("RUN", FINAL))
    assert rest("USER", FINAL) == ["10001:10001"]


def test_it_is_labelled_watched_and_stopped_properly() -> None:
    """OCI labels, a health check, SIGTERM, and the data folder as its only volume."""
    labels = " ".join(rest("LABEL", FINAL))
    for name in ("title", "description", "version", "revision", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert "/healthz" in rest("HEALTHCHECK", FINAL)[0]
    assert rest("STOPSIGNAL", FINAL) == ["SIGTERM"]
    assert rest("VOLUME", FINAL) == ["/var/lib/hygeia"]
    version = re.search(r'(?m)^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version is not None
    assert f"VERSION={version[1]}" in rest("ARG", FINAL)


def test_what_is_copied_exists_and_nothing_else_reaches_the_engine() -> None:
    """Sources of COPY are exceptions of .dockerignore, which leaves everything else out."""
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    sources = [name for text in rest("COPY", STEPS[:LAST]) for name in text.split()[:-1]]
    for name in sources:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed, name
    packages = {name for name in sources if (ROOT / name).is_dir()}
    assert packages == {"alerts", "custody", "dashboards", "devices", "gateway"}


def test_image_and_install_script_do_the_same() -> None:
    """One command installs, in the image and on a machine without containers."""
    wanted = INSTALL.replace(" -q", "")
    assert any(wanted in text for text in rest("RUN", STEPS))
    assert INSTALL in (ROOT / "scripts" / "install.sh").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_steps_make_an_environment_that_runs_alone(tmp_path: Path) -> None:
    """Installed from lock and wheel it says its version from any folder, with no source and no tool of ours in it."""
    target = tmp_path / "hygeia"
    # How packages are reached is the machine's own; what is installed must not come from this environment.
    mine = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment = {**mine, "PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    made = subprocess.run(
        [ROOT / "scripts" / "install.sh", target], env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    program = target / "bin" / "hygeia"
    asked = subprocess.run([program, "--version"], cwd="/", capture_output=True, text=True, check=True)
    assert asked.stdout.startswith("hygeia ")
    where = "import gateway, importlib.util as u; print(gateway.__file__, u.find_spec('pytest'), u.find_spec('pip'))"
    told = subprocess.run([target / "bin" / "python", "-c", where], cwd="/", capture_output=True, text=True, check=True)
    assert told.stdout.split() == [told.stdout.split()[0], "None", "None"]
    assert told.stdout.startswith(str(target))
