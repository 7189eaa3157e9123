"""MQTT 5 between gateway and broker: frames, options, one connection, and what is built on it."""
