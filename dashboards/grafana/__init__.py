"""Grafana dashboards as code: what a city's staff sees of the InfluxDB database (docs/dashboards.md).

``build.build(language, gateway_url)`` gives every dashboard of a language as JSON text. A dashboard is a function in a
module of its own, listed in ``build.DASHBOARDS``; it puts panels (``panels``), queries (``query``) and variables
(``variables``) on a ``board.Board``. All texts are ``words.Words``: Chinese and English side by side.
"""
