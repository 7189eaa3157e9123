"""The command ``hygeia``: one module a group of commands, one line an error, no traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli import alerts, doctor, init, journal, registry, run
from gateway.cli.show import complain, say
from gateway.client import RefusedError
from gateway.errors import ConfigurationError, HygeiaError

#: What a shell reports of a program ended by Ctrl-C, and of one whose reader went away.
INTERRUPTED = 130
READER_GONE = 141

app = typer.Typer(
    name="hygeia",
    help="Online-monitoring gateway for drinking water and medical waste.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("run")(run.run)
app.add_typer(registry.app, name="registry")
app.add_typer(journal.app, name="journal")
app.add_typer(alerts.app, name="alerts")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"hygeia {version('hygeia-gateway')}")
        raise typer.Exit


@app.callback()
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


def _explain(error: HygeiaError | typer.TyperException) -> int:
    """Print an error that was foreseen, a line each fault, and return its exit code."""
    if isinstance(error, ConfigurationError | RefusedError) and error.faults:
        for fault in error.faults:
            complain(f"hygeia: {fault}")
    elif isinstance(error, typer.TyperException):
        message = error.format_message()
        complain(message if "\n" in message else f"hygeia: {message} See 'hygeia --help'.")
    else:
        complain(f"hygeia: {error}")
    return error.exit_code


def _save_traceback() -> Path:
    """Keep the traceback in a file of its own, readable by this user only: it may hold data."""
    descriptor, name = tempfile.mkstemp(prefix="hygeia-bug-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"hygeia {version('hygeia-gateway')}\n{traceback.format_exc()}")
    return Path(name)
