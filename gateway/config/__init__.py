"""Settings of an installation: ``hygeia.toml``, overridden by ``HYGEIA_…`` in the environment.

``load`` is the only way in; it raises ``ConfigurationError`` with every fault before anything opens.
"""

from gateway.config.load import FILE_NAME, load
from gateway.config.model import Settings

__all__ = ["FILE_NAME", "Settings", "load"]
