"""What all tables of the state belong to."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()
