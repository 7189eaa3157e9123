"""The files of a Mosquitto broker, made from the registry: settings, accounts, rights, certificates."""
