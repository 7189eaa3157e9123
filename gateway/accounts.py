"""Accounts of people and tokens of programs. Passwords are kept as argon2id, tokens as their SHA-256 only.

Nothing here is journaled and no decision reads it (DESIGN 1, invariant 10). Everything but ``check_token`` may take
tens of milliseconds: call it in a thread. Times are ms since 1970 UTC of the machine's own clock.
"""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
import threading

import msgspec
import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway import state
from gateway.errors import UsageError

ROLES = ("viewer", "officer", "manager", "administrator", "auditor", "unit_user")
FIRST_ADMINISTRATOR = "admin"
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
_TOKEN_BYTES = 32
#: Letters and digits that nobody mistakes for one another.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"

# 32 MiB and one lane: above the minimum of RFC 9106's and OWASP's advice, and the gateway's memory stays flat.
_hasher = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
#: One at a time: each takes that memory.
_hashing = threading.Lock()


class AccountError(UsageError):
    """A value for an account is not allowed: ``field``, ``value`` (empty for a password) and ``allowed``."""

    def __init__(self, field: str, value: str, allowed: str) -> None:
        super().__init__(f"{field} {value!r}: allowed is {allowed}" if value else f"{field}: allowed is {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class Account(msgspec.Struct, frozen=True):
    """An account without its password. ``must_change``: it may do nothing but change its one-time password."""

    name: str
    role: str
    unit: str | None = None
    grid: str | None = None
    must_change: bool = False
    disabled: bool = False


class Token(msgspec.Struct, frozen=True):
    """A token as it is listed: ``id`` is the beginning of its digest, the token itself is known to its owner only."""

    id: str
    account: str
    label: str
    kind: str
    expires_at: int | None


def create_first_administrator(engine: sa.Engine) -> tuple[str, str]:
    """Create the first account of an installation. Returns its name and its one-time password, kept nowhere else.

    Raises:
        AccountError: where an account exists already.
    """
    if list_accounts(engine):
        raise AccountError("account", "", "only where there is none yet; an administrator creates the others")
    return FIRST_ADMINISTRATOR, create_account(engine, FIRST_ADMINISTRATOR, "administrator")


def create_account(engine: sa.Engine, name: str, role: str, *, unit: str | None = None, grid: str | None = None) -> str:
    """Create an account. Returns its one-time password, which must be changed at the first sign-in.

    Raises:
        AccountError: for a name or role that is not allowed, a name that exists, or a unit user without scope.
    """
    if not _NAME.fullmatch(name):
        raise AccountError("name", name, "1 to 64 of the characters A-Z a-z 0-9 _ . @ -")
    if role not in ROLES:
        raise AccountError("role", role, ", ".join(ROLES))
    if role == "unit_user" and not unit and not grid:
        raise AccountError("unit", "", "the unit (or grid) that a unit_user belongs to")
    once = _one_time_password()
    row = {
        "name": name,
        "password": _hash(once),
        "role": role,
        "unit": unit or None,
        "grid": grid or None,
        "must_change": True,
        "disabled": False,
    }
    try:
        with engine.begin() as connection:
            connection.execute(state.accounts.insert(), row)
    except sa.exc.IntegrityError:
        raise AccountError("name", name, "a name that no account has yet") from None
    return once


def list_accounts(engine: sa.Engine) -> list[Account]:
    """Every account in order of name."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(state.accounts).order_by(state.accounts.c.name)).mappings()
        return [_account(row) for row in rows]


def find_account(engine: sa.Engine, name: str) -> Account | None:
    """The account of that name, also where it is disabled."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(state.accounts).where(state.accounts.c.name == name)).mappings().first()
    return None if row is None else _account(row)


def verify(engine: sa.Engine, name: str, password: str) -> Account | None:
    """The account whose name and password these are, else None. Takes as long for a name that nobody has."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(state.accounts).where(state.accounts.c.name == name)).mappings().first()
    known = _nobody() if row is None else str(row["password"])
    if len(password) > LONGEST_PASSWORD:
        password = ""
    with _hashing:
        try:
            _hasher.verify(known, password)
        except (VerificationError, InvalidHashError):
            return None
    if row is None or row["disabled"]:
        return None
    return _account(row)


def change_password(engine: sa.Engine, name: str, new: str) -> None:
    """Set the password that the owner chose and end all sessions. API tokens stay.

    Raises:
        AccountError: for a password that is too short, too long or too plain.
    """
    if not SHORTEST_PASSWORD <= len(new) <= LONGEST_PASSWORD:
        raise AccountError("new", "", f"a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if name.casefold() in new.casefold() or len(set(new)) < 5:
        raise AccountError("new", "", "a password without the account's name and of at least 5 different characters")
    _set_password(engine, name, new, once=False)


def reset_password(engine: sa.Engine, name: str) -> str:
    """Give an account a new one-time password, which is returned, and end its sessions."""
    once = _one_time_password()
    _set_password(engine, name, once, once=True)
    return once


def set_disabled(engine: sa.Engine, name: str, *, disabled: bool) -> None:
    """Shut an account out or let it in again; its tokens and sessions do not work while it is out."""
    with engine.begin() as connection:
        changed = connection.execute(
            state.accounts.update().where(state.accounts.c.name == name).values(disabled=disabled),
        )
        if disabled:
            connection.execute(_tokens_of(name, "session"))
    _known(changed, name)


def issue_token(engine: sa.Engine, account: str, label: str, kind: str, expires_at: int | None) -> str:
    """Make a token of an account, ``kind`` ``session`` or ``api``. It is returned once and kept as its digest only."""
    token = ("hyg_" if kind == "api" else "") + secrets.token_urlsafe(_TOKEN_BYTES)
    row = {"digest": digest(token), "account": account, "label": label, "kind": kind, "expires_at": expires_at}
    with engine.begin() as connection:
        connection.execute(state.tokens.insert(), row)
    return token


def check_token(engine: sa.Engine, token: str, kind: str, now: int) -> Account | None:
    """The account that a token stands for, None where it is unknown, over, of another kind or its account disabled."""
    query = (
        sa.select(state.accounts, state.tokens.c.expires_at)
        .join(state.accounts, state.accounts.c.name == state.tokens.c.account)
        .where(state.tokens.c.digest == digest(token), state.tokens.c.kind == kind)
    )
    with engine.connect() as connection:
        row = connection.execute(query).mappings().first()
    if row is None or row["disabled"] or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    return _account(row)


def list_tokens(engine: sa.Engine, account: str | None, now: int) -> list[Token]:
    """The API tokens of one account, or of all, that are not over."""
    table = state.tokens
    query = sa.select(table).where(table.c.kind == "api").order_by(table.c.account, table.c.digest)
    query = query.where(sa.or_(table.c.expires_at.is_(None), table.c.expires_at > now))
    if account is not None:
        query = query.where(table.c.account == account)
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [Token(row["digest"][:12], row["account"], row["label"], row["kind"], row["expires_at"]) for row in rows]


def revoke_token(engine: sa.Engine, id_: str, account: str | None) -> bool:
    """End the API token with that ``Token.id``, of ``account`` only unless None. False = there is none."""
    table = state.tokens
    where = (sa.func.substr(table.c.digest, 1, 12) == id_) & (table.c.kind == "api")
    if account is not None:
        where &= table.c.account == account
    with engine.begin() as connection:
        return connection.execute(table.delete().where(where)).rowcount > 0


def end_session(engine: sa.Engine, token: str, now: int) -> None:
    """Forget a session, and all that are over."""
    table = state.tokens
    over = (table.c.expires_at <= now) & (table.c.kind == "session")
    with engine.begin() as connection:
        connection.execute(table.delete().where(sa.or_(table.c.digest == digest(token), over)))


def digest(token: str) -> str:
    """SHA-256 in hex: a token has 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _set_password(engine: sa.Engine, name: str, password: str, *, once: bool) -> None:
    hashed = _hash(password)
    with engine.begin() as connection:
        changed = connection.execute(
            state.accounts.update().where(state.accounts.c.name == name).values(password=hashed, must_change=once),
        )
        connection.execute(_tokens_of(name, "session"))
    _known(changed, name)


def _tokens_of(name: str, kind: str) -> sa.Delete:
    return state.tokens.delete().where((state.tokens.c.account == name) & (state.tokens.c.kind == kind))


def _known(changed: sa.CursorResult[tuple[()]], name: str) -> None:
    if changed.rowcount == 0:
        raise AccountError("name", name, "the name of an account")


def _account(row: sa.RowMapping) -> Account:
    return Account(row["name"], row["role"], row["unit"], row["grid"], bool(row["must_change"]), bool(row["disabled"]))


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)


@functools.cache
def _nobody() -> str:
    return _hash(secrets.token_hex())


def _one_time_password() -> str:
    """16 characters in groups of four: 79 bits that can be read aloud."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4))
