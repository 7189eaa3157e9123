"""The command ``hygeia``: one module a group of commands, one line an error, no traceback."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.show import complain, say
from gateway.client import RefusedError
from gateway.errors import ConfigurationError, HygeiaError

#: What a shell reports of a program ended by Ctrl-C, and of one whose reader went away.
INTERRUPTED = 130
READER_GONE = 141

#: Where each command, or group of commands, is. Only the module of the one that is called is loaded: together they
#: take seconds.
COMMANDS = {
    "init": "gateway.cli.init:init",
    "demo": "gateway.cli.demo:demo",
    "run": "gateway.cli.run:run",
    "simulate": "gateway.cli.simulate:simulate",
    "replay": "gateway.cli.replay:replay",
    "registry": "gateway.cli.registry:app",
    "rules": "gateway.cli.rules:app",
    "alerts": "gateway.cli.alerts:app",
    "maintenance": "gateway.cli.maintenance:app",
    "custody": "gateway.cli.custody:app",
    "journal": "gateway.cli.journal:app",
    "influx": "gateway.cli.influx:app",
    "broker": "gateway.cli.broker:app",
    "backup": "gateway.cli.backup:backup",
    "restore": "gateway.cli.backup:restore",
    "dashboards": "gateway.cli.dashboards:app",
    "doctor": "gateway.cli.doctor:doctor",
}


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The command line with the named commands."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(_root)
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"hygeia {version('hygeia-gateway')}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Online-monitoring gateway for drinking water and medical waste."""


def main() -> None:
    """Entry of the console script."""
    sys.exit(call(sys.argv[1:]))


def call(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit code: 0 done, 1 the check failed, 2 wrong use or configuration."""
    try:
        app = build(_needed(arguments))
        outcome = typer.main.get_command(app)(list(arguments), prog_name="hygeia", standalone_mode=False)
        sys.stdout.flush()
    except (HygeiaError, typer.TyperException) as error:
        return _explain(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader; without this the interpreter complains when it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except Exception as error:  # noqa: BLE001 - the last line between a bug and the user
        kept = _save_traceback()
        complain(f"hygeia: this is a bug ({type(error).__name__}); details are in {kept}, please report it")
        return 1
    return outcome if isinstance(outcome, int) else 0


def _needed(arguments: Sequence[str]) -> Iterable[str]:
    """The commands that must be loaded for a command line: one, none for the version, all for a list of them."""
    first = arguments[0] if arguments else ""
    return [first] if first in COMMANDS else [] if first == "--version" else COMMANDS


def _explain(error: HygeiaError | typer.TyperException) -> int:
    """Print an error that was foreseen, a line each fault, and return its exit code."""
    if isinstance(error, ConfigurationError | RefusedError) and error.faults:
        for fault in error.faults:
            complain(f"hygeia: {fault}")
    elif isinstance(error, typer.TyperException):
        message = error.format_message().replace("Value error, ", "")
        if message.startswith("Missing "):
            # The allowed words come a line each.
            message = " ".join(message.split())
        complain(message if "\n" in message else f"hygeia: {message.rstrip('.')}; see 'hygeia --help'")
    else:
        complain(f"hygeia: {error}")
    return error.exit_code


def _save_traceback() -> Path:
    """Keep the traceback in a file of its own, readable by this user only: it may hold data."""
    descriptor, name = tempfile.mkstemp(prefix="hygeia-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"hygeia {version('hygeia-gateway')}\n{traceback.format_exc()}")
    return Path(name)
