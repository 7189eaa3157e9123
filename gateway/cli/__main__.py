"""``python -m gateway.cli`` is ``hygeia``."""

from gateway.cli import main

main()
