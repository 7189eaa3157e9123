"""The broker inside the demo and some tests: rumqttd from the ``iotcore`` wheel, speaking MQTT 5 on loopback.

Not for production (DESIGN 2): it forgets sessions when it ends, ignores receive maximum, has no access rules and
throws a client out that subscribes to ``$SYS``.
"""

from __future__ import annotations

from pathlib import Path

from iotcore import Broker

from gateway.journal.disk import Disk

# Without a file of its own iotcore listens for MQTT 3.1.1 only, which lets no MQTT 5 client in.
_SETTINGS = """\
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 500
"""


def embedded_broker(folder: Path, port: int) -> Broker:
    """A broker for 127.0.0.1:``port``, not yet started; its settings go to ``folder``. Writes a file.

    Its ``start()`` blocks until it accepts connections and raises OSError or RuntimeError, ``stop()`` ends it.
    """
    settings = folder / "iotcore.toml"
    Disk().replace(settings, _SETTINGS.format(port=port).encode())
    return Broker(config_path=str(settings), port=port, listen="127.0.0.1")
