"""Simulation: water points and weighing terminals that behave like real ones, deterministic by seed.

Pure: a fleet yields what is published and when; who publishes it is the caller's. Every telemetry message
is numbered by ``seq`` and every custody event by ``id``, so that loss and doubling are found one by one.
"""
