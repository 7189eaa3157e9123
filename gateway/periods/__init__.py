"""Figures of 5 minutes, hours and days: what was due, came, was valid and kept the limits (docs/periods.md)."""

from gateway.periods.follow import Periods

__all__ = ["Periods"]
