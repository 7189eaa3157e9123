"""Time-series stores: followers of the journal that keep readings for charts and reports."""
