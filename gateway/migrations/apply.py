"""Runs the migrations of this package with Alembic."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def apply(connection: sa.Connection) -> None:
    """Run every migration that the state behind ``connection`` has not seen; the caller commits."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def configuration() -> Config:
    """Alembic's configuration: it needs to know no more than where the migrations are."""
    config = Config()
    config.set_main_option("script_location", "gateway:migrations")
    config.set_main_option("path_separator", "os")
    return config
