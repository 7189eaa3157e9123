"""Alerts: rules, their evaluation, the life of an alert and who is told."""
