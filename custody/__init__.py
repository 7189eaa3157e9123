"""Custody: events of waste containers and what follows from them."""
