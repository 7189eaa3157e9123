"""Migrations of the state database; ``gateway.database.upgrade`` runs them, ``make migration`` drafts a new one."""
