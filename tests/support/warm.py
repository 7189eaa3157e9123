"""``hygeia`` as a process of its own that need not load its modules: a server imports them once and forks.

Two seconds of imports, paid by every start of a gateway that is killed and started again, are most of what such tests
cost. The child is a process as any other: its own pid, environment, folder, files and exit code; SIGKILL ends it. That
the console script itself runs is shown by tests/e2e, which start it.

``python -m tests.support.warm FD`` is the server. It has one thread only, else forking would not be safe.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Everything that a gateway or a command loads sooner or later.
MODULES = (
    "gateway.app",
    "gateway.inprocess",
    "gateway.store.embedded",
    "gateway.store.influx",
    "uvloop",
    "gateway.log",
)
_MOST = 1 << 20


class Child:
    """What is needed of ``subprocess.Popen``: ``pid, returncode, poll, wait, send_signal, kill``."""

    def __init__(self, connection: socket.socket, pid: int, command: str) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._connection = connection
        self._command = command

    def poll(self) -> int | None:
        """The exit code, None while it runs; negative = the number of the signal that ended it."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises TimeoutExpired."""
        code = self._look(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self._command, timeout or 0.0)
        return code

    def send_signal(self, number: int) -> None:
        """Signal it, where it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._connection.settimeout(timeout)
            with contextlib.suppress(TimeoutError, BlockingIOError):
                said = self._connection.recv(32)
                self.returncode = int(said) if said else -signal.SIGKILL
                self._connection.close()
        return self.returncode


class Warm:
    """The server, begun at the first use, one a test process; it ends with its end of the socket."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def stop(self) -> None:
        """End the server; children that still run go on."""
        if self._socket is not None and self._server is not None:
            self._socket.close()
            self._server.wait(10)
            self._socket = self._server = None

    def spawn(self, arguments: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int) -> Child:
        """Start ``hygeia ARGUMENTS`` with these file descriptors as its output."""
        if self._socket is None:
            self._socket = self._begin()
        ours, theirs = socket.socketpair()
        request = {"arguments": list(arguments), "environment": dict(environment), "folder": str(Path.cwd())}
        with theirs:
            socket.send_fds(self._socket, [json.dumps(request).encode()], [stdout, stderr, theirs.fileno()])
        ours.settimeout(60)
        return Child(ours, int(ours.recv(32)), " ".join(["hygeia", *arguments]))

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, as ``subprocess.run`` with captured text."""
        with _captured() as out, _captured() as err:
            child = self.spawn(arguments, environment, out, err)
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(10)
                raise
            return subprocess.CompletedProcess(["hygeia", *arguments], code, _text(out), _text(err))

    def _begin(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.support.warm", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            )
        atexit.register(self.stop)
        return ours


class _captured:  # noqa: N801 - reads as the statement it is
    """An unnamed file that takes the output of a child."""

    def __enter__(self) -> int:
        self._file = tempfile.TemporaryFile()
        return self._file.fileno()

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _text(fd: int) -> str:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        return file.read().decode("utf-8", "replace")


#: The one of this test process.
WARM = Warm()


def serve(requests: socket.socket) -> None:
    """Fork a child for each request until the other end is closed; tell each child's exit code on its socket."""
    from gateway import cli  # noqa: PLC0415 - the test process itself does not need it

    for name in (*MODULES, *(where.partition(":")[0] for where in cli.COMMANDS.values())):
        importlib.import_module(name)
    threads = len(list(Path("/proc/self/task").iterdir()))
    assert threads == 1, f"{threads} threads: a fork would not be safe"
    waking, wakeup = socket.socketpair()
    for end in (waking, wakeup):
        end.settimeout(0)
    signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        selector.register(waking, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is waking:
                    with contextlib.suppress(BlockingIOError):
                        waking.recv(4096)
                    _reap(children)
                    continue
                message, fds, _, _ = socket.recv_fds(requests, _MOST, 3)
                if not message:
                    return
                _fork(json.loads(message), fds, children)


def _fork(request: dict[str, object], fds: list[int], children: dict[int, socket.socket]) -> None:
    stdout, stderr, answer = fds
    told = socket.socket(fileno=answer)
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _become(request, stdout, stderr)
    os.close(stdout)
    os.close(stderr)
    children[pid] = told
    told.send(str(pid).encode())


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        told = children.pop(pid)
        with contextlib.suppress(BrokenPipeError):  # the test is over already
            told.send(str(os.waitstatus_to_exitcode(status)).encode())
        told.close()


def _become(request: dict[str, object], stdout: int, stderr: int) -> None:
    """Be ``hygeia``; never returns."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.closerange(3, 256)
        os.environ.clear()
        os.environ.update(request["environment"])  # type: ignore[call-overload]
        time.tzset()
        os.chdir(str(request["folder"]))
        sys.argv = ["hygeia", *request["arguments"]]  # type: ignore[misc]
        from gateway.cli import call  # noqa: PLC0415 - see serve

        code = call(sys.argv[1:])
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter does it
        traceback.print_exc()
        code = 1
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
