"""``hygeia custody ledger`` and ``new-origin``: the signed head, the keys, and the way out of a refusal to sign."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli import show
from gateway.cli.language import pick
from gateway.cli.options import Config, DataDir, Json
from gateway.client import open_door
from gateway.config import load
from gateway.errors import HygeiaError

ledger = typer.Typer(help="The ledger: its newest signed head, and the keys that others check it with.",
                     no_args_is_help=True)  # fmt: skip


@ledger.command("head")
def head(config: Config = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Print the newest signed head (a C2SP checkpoint): whoever keeps it can show later what was in the ledger."""
    with open_door(load(config, data_dir)) as door:
        found = door.get("ledger", "head")
    if json:
        show.document(found)
    else:
        show.say(str(found["note"]).rstrip("\n"))


@ledger.command("key")
def key(
    witness: Annotated[
        bool, typer.Option("--witness", help="The key by which this gateway signs as a witness.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Print the verifier key of the ledger: to be handed to everybody who shall be able to check it."""
    with open_door(load(config, data_dir)) as door:
        found = door.get("ledger", "key")
    if json:
        show.document(found)
    else:
        show.say(str(found["witness" if witness else "key"]))


def new_origin(
    origin: Annotated[str, typer.Argument(metavar="ORIGIN", help="New name of the ledger, such as host/ledger/2.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why. It stays in the ledger for ever: name no persons.")
    ],
    config: Config = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Let the ledger go on under a new name that cites the last signed head, after a refusal to sign."""
    settings = load(config, data_dir)
    file = settings.ledger.head_file or settings.data.dir / "ledger" / "head"
    try:
        old = file.read_text(encoding="utf-8") if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise HygeiaError(f"{file}: {error}; restore it, or take it away if the state is whole") from error
    with open_door(settings) as door:
        done = door.command("ledger.reopen", {"origin": origin, "reason": reason, "old_head": old})
    if json:
        show.document(done)
        return
    words = {"en": "From entry {0} on the ledger is called {1}; hand out its key: hygeia custody ledger key",
             "zh": "自第 {0} 条记录起，账本名为 {1}；请分发新密钥：hygeia custody ledger key"}  # fmt: skip
    show.say(pick(words).format(done["entry"], done["origin"]))
