"""The mirror: the state as points in InfluxDB, for dashboards (docs/influx.md).

``points`` is pure; ``standing``, ``waste``, ``answers`` and ``own`` gather figures from the state;
``mirror`` is the thread that writes them.
"""
