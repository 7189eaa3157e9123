"""Driving a gateway from outside: the simulator, recorded data, the demo, and the count of what was lost or doubled."""
