"""What each role may do (docs/accounts.md has the same table for people)."""

from __future__ import annotations

from typing import Literal

Permission = Literal["see", "see_accounts", "handle", "manage", "administer"]

#: see: lists and pages in scope · handle: acknowledge, comment, assign, shelve, unshelve, hand in files and custody
#: events · manage: close alerts, out of service, maintenance, registry, redrive, custody corrections · administer:
#: accounts, tokens of others, device credentials.
PERMISSIONS: dict[str, frozenset[Permission]] = {
    "viewer": frozenset({"see"}),
    "unit_user": frozenset({"see", "handle"}),
    "officer": frozenset({"see", "handle"}),
    "manager": frozenset({"see", "handle", "manage"}),
    "auditor": frozenset({"see", "see_accounts"}),
    "administrator": frozenset({"see", "see_accounts", "handle", "manage", "administer"}),
}

_COMMANDS: dict[str, Permission] = {
    "alerts.ack": "handle",
    "alerts.comment": "handle",
    "alerts.assign": "handle",
    "alerts.shelve": "handle",
    "alerts.unshelve": "handle",
    "ledger.reopen": "administer",
    "credentials.issue": "administer",
    "credentials.revoke": "administer",
}


def needed_for(command: str) -> Permission:
    """The permission that a command needs: ``manage`` where nothing else is said."""
    return _COMMANDS.get(command, "manage")
