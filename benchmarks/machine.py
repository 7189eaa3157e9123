"""The machine of a run: processor, versions, how busy it was; CPU and memory of a process."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

_DISTRIBUTIONS = ("hygeia-gateway", "mqtt5", "msgspec", "duckdb", "uvloop", "influxdb-client", "aiomqtt")


def describe() -> dict[str, str]:
    """What has to stand beside figures: processor, cores, memory, system, versions, load when the run began."""
    versions = [f"{name} {version(name)}" for name in _DISTRIBUTIONS]
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(versions),
        "servers": ", ".join(filter(None, (_says("mosquitto", "-h"), _says("influxd", "version")))),
        "load": load(),
    }


def load() -> str:
    """The load average over 1, 5 and 15 minutes."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def peak_mib(pid: int) -> float:
    """The most resident memory that a process has had, where the system keeps it; else what it has now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        for line in status.read_text("ascii", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(psutil.Process(pid).memory_info().rss / 2**20)


def forget_peak() -> None:
    """Let the peak of this process count from now on, where the system can."""
    resets = Path("/proc/self/clear_refs")
    if resets.exists():
        resets.write_text("5", "ascii")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _says(*command: str) -> str:
    """The first line of what a server says of its version, empty where it is not installed."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return ran.stdout.partition("\n")[0].partition(" (")[0].strip()
