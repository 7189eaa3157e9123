"""The page docs/cli.md, made from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import typer

from gateway.cli import build


def page() -> str:
    """docs/cli.md: every command with its arguments and options."""
    lines = [
        "# Command line",
        "",
        "<!-- Made by `make docs` from gateway/cli; do not edit. -->",
        "",
        "Exit codes: 0 done, 1 the check failed, 2 wrong use or configuration. An error is one line on standard error;",
        "a traceback is a bug. `--json` prints one JSON document and nothing else, times in it are ms since 1970 UTC;",
        "tables print ISO 8601 with offset in `time_zone`. `HYGEIA_LANG=zh` or `en` sets the language of tables.",
        "",
        "Commands that read or change an installation take `--config FILE` or `--data-dir DIR` (see",
        "[configuration](configuration.md)). While its gateway runs they speak HTTP to it, with the token of",
        "`runtime.json`; else they hold the data folder's lock and do the work themselves.",
    ]
    for name, command in _commands(typer.main.get_command(build()), "hygeia"):
        lines += ["", f"## {name}", "", *(command.help or "").strip().splitlines()]
        usage = " ".join(_usage(parameter) for parameter in _shown(command))
        lines += ["", f"    {name} {usage}".rstrip()]
        rows = [_row(parameter) for parameter in _shown(command)]
        if rows:
            lines += ["", "| option | what |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - Typer's click is private
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for part in below:
        yield from _commands(below[part], f"{name} {part}")


def _shown(command: Any) -> list[Any]:  # noqa: ANN401 - Typer's click is private
    return [
        parameter
        for parameter in command.params
        if parameter.name != "help" and not getattr(parameter, "hidden", False)
    ]


def _names(parameter: Any) -> str:  # noqa: ANN401 - Typer's click is private
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    flag = "/".join([*parameter.opts, *parameter.secondary_opts])
    return flag if parameter.is_flag else f"{flag} {parameter.metavar or _kind(parameter)}"


def _kind(parameter: Any) -> str:  # noqa: ANN401 - Typer's click is private
    choices = get_args(parameter.type_descriptor.annotation)
    return "|".join(choices) if choices else {int: "N", float: "N"}.get(parameter.type_descriptor.annotation, "TEXT")


def _usage(parameter: Any) -> str:  # noqa: ANN401 - Typer's click is private
    return _names(parameter) if parameter.required else f"[{_names(parameter)}]"


def _row(parameter: Any) -> str:  # noqa: ANN401 - Typer's click is private
    default = parameter.default
    plain = default is None or default is False or callable(default) or parameter.required
    told = "" if plain else f" Default: {default}."
    name, text = (cell.replace("|", "\\|") for cell in (_names(parameter), f"{parameter.help or ''}{told}"))
    return f"| `{name}` | {text} |"
