"""Devices: the catalogue of parameters, the registry, codecs, validation and simulation."""
