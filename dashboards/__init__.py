"""Dashboards: the gateway's own pages and the Grafana files."""
