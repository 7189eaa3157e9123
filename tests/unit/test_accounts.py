"""Accounts and tokens: what is kept, what is let in, and what is refused."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from gateway import accounts, state
from tests.plugins.fake_services import NOW, FakeServices

GOOD = "a long and quiet river"


@pytest.fixture(scope="module", autouse=True)
def cheap_hashes() -> object:
    """Argon2 with the least cost: what is tested is not its strength."""
    kept = accounts._hasher
    accounts._hasher = type(kept)(time_cost=1, memory_cost=8, parallelism=1)
    yield None
    accounts._hasher = kept


def test_the_first_administrator_gets_a_one_time_password(services: FakeServices) -> None:
    """It lets in once to change it, and there is only one first."""
    name, once = accounts.create_first_administrator(services.engine)
    found = accounts.verify(services.engine, name, once)
    assert found == accounts.Account(name, "administrator", must_change=True)
    with pytest.raises(accounts.AccountError, match="none yet"):
        accounts.create_first_administrator(services.engine)


def test_no_password_and_no_token_is_kept(services: FakeServices) -> None:
    """The state holds argon2id and SHA-256 only."""
    _, once = accounts.create_first_administrator(services.engine)
    token = accounts.issue_token(services.engine, "admin", "grafana", "api", None)
    with services.engine.connect() as connection:
        kept = str(connection.execute(sa.select(state.accounts)).all())
        kept += str(connection.execute(sa.select(state.tokens)).all())
    assert "$argon2id$" in kept
    assert once not in kept
    assert token not in kept


def test_a_changed_password_ends_the_sessions_and_the_old_password(services: FakeServices) -> None:
    """API tokens stay: programs do not know the password."""
    name, once = accounts.create_first_administrator(services.engine)
    session = accounts.issue_token(services.engine, name, "", "session", NOW + 1)
    token = accounts.issue_token(services.engine, name, "x", "api", None)
    accounts.change_password(services.engine, name, GOOD)
    assert accounts.verify(services.engine, name, once) is None
    assert accounts.verify(services.engine, name, GOOD) == accounts.Account(name, "administrator")
    assert accounts.check_token(services.engine, session, "session", NOW) is None
    assert accounts.check_token(services.engine, token, "api", NOW) is not None


def test_a_token_ends_at_its_time_and_is_of_one_kind(services: FakeServices) -> None:
    """A session is no API token, and neither works after its end."""
    accounts.create_first_administrator(services.engine)
    token = accounts.issue_token(services.engine, "admin", "x", "api", NOW)
    assert accounts.check_token(services.engine, token, "api", NOW - 1) is not None
    assert accounts.check_token(services.engine, token, "session", NOW - 1) is None
    assert accounts.check_token(services.engine, token, "api", NOW) is None


def test_a_disabled_account_is_out_with_all_its_tokens(services: FakeServices) -> None:
    """Until it is let in again."""
    _, once = accounts.create_first_administrator(services.engine)
    token = accounts.issue_token(services.engine, "admin", "x", "api", None)
    accounts.set_disabled(services.engine, "admin", disabled=True)
    assert accounts.verify(services.engine, "admin", once) is None
    assert accounts.check_token(services.engine, token, "api", NOW) is None
    accounts.set_disabled(services.engine, "admin", disabled=False)
    assert accounts.check_token(services.engine, token, "api", NOW) is not None


@pytest.mark.parametrize("new", ["short", "x" * 201, "aaaaaaaaaaaaaa", "my-Admin-password", "abababababab"])
def test_plain_passwords_are_refused_without_naming_them(services: FakeServices, new: str) -> None:
    """The error says what is allowed, not what was typed."""
    accounts.create_first_administrator(services.engine)
    with pytest.raises(accounts.AccountError) as refused:
        accounts.change_password(services.engine, "admin", new)
    assert new not in str(refused.value)
    assert refused.value.field == "new"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "a b", "role": "viewer"}, "name"),
        ({"name": "", "role": "viewer"}, "name"),
        ({"name": "ann", "role": "king"}, "role"),
        ({"name": "ann", "role": "unit_user"}, "unit"),
        ({"name": "admin", "role": "viewer"}, "name"),
    ],
)
def test_wrong_accounts_are_refused(services: FakeServices, given: dict[str, str], field: str) -> None:
    """Each fault names its field."""
    accounts.create_first_administrator(services.engine)
    with pytest.raises(accounts.AccountError) as refused:
        accounts.create_account(services.engine, **given)
    assert refused.value.field == field


def test_an_unknown_name_is_checked_like_a_known_one(services: FakeServices) -> None:
    """A wrong name and an overlong password are a no, not an error."""
    accounts.create_first_administrator(services.engine)
    assert accounts.verify(services.engine, "nobody", GOOD) is None
    assert accounts.verify(services.engine, "admin", "x" * 5000) is None
    assert accounts.verify(services.engine, "admin", "") is None


def test_tokens_are_listed_without_their_secret_and_revoked_by_id(services: FakeServices) -> None:
    """One's own only, unless nobody is named."""
    accounts.create_first_administrator(services.engine)
    accounts.create_account(services.engine, "ann", "viewer")
    token = accounts.issue_token(services.engine, "ann", "till", "api", NOW + 5)
    accounts.issue_token(services.engine, "ann", "", "session", NOW + 5)
    (listed,) = accounts.list_tokens(services.engine, None, NOW)
    assert (listed.account, listed.label, listed.expires_at) == ("ann", "till", NOW + 5)
    assert listed.id == accounts.digest(token)[:12]
    assert not accounts.revoke_token(services.engine, listed.id, "admin")
    assert accounts.revoke_token(services.engine, listed.id, "ann")
    assert accounts.check_token(services.engine, token, "api", NOW) is None
