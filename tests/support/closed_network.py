"""Runs inside a network namespace of its own: installs a kit, runs its demo, asks its pages. Standard library only.

``python closed_network.py KIT FOLDER`` prints one JSON document; ``tests/e2e/test_offline_install.py`` starts it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import struct
import subprocess
import sys
import urllib.request
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
PAGES = ("/", "/map", "/alerts", "/custody", "/scan", "/docs", "/openapi.json", "/static/map.js", "/static/live.css")
DATA = ("/api/v1/overview", "/api/v1/map", "/api/v1/outlines", "/readyz")


def loopback_up() -> None:
    """A new namespace has a loopback that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        flags = struct.unpack("16sh14x", fcntl.ioctl(asked, _GET_FLAGS, struct.pack("16s16x", b"lo")))[1]
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def routes() -> list[str]:
    """Routes that leave this machine, IPv4; and whether an address outside can be reached."""
    found = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2).close()
        found.append("192.0.2.1 answers")
    except OSError:
        pass
    return found


def main(kit: Path, folder: Path) -> dict[str, object]:
    """Install, run, ask; what was seen."""
    loopback_up()
    seen: dict[str, object] = {"routes": routes()}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHON": sys.executable, "COMPILE": "0"}
    installed = folder / "hygeia"
    done = subprocess.run([str(kit / "install.sh"), str(installed)], env=environment, check=False, capture_output=True)
    seen["install"] = (done.stdout + done.stderr).decode()
    if done.returncode:
        return seen
    report = folder / "report.json"
    command = [str(installed / "bin" / "hygeia"), "demo", "--fast", "--seconds", "3", "--report", str(report)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as demo:
        assert demo.stderr is not None
        said = ""
        for line in demo.stderr:
            said += line.decode()
            found = re.search(r"http://127\.0\.0\.1:\d+", said)
            if found:
                seen["pages"] = {path: ask(found[0] + path) for path in PAGES}
                seen["data"] = {path: json.loads(ask(found[0] + path)) for path in DATA}
                break
        said += demo.communicate(timeout=120)[1].decode()
        seen |= {"said": said, "code": demo.returncode}
    seen["report"] = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    return seen


def ask(url: str) -> str:
    """A page; raises where it is not served."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as answer:
        return str(answer.read().decode())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]))))
