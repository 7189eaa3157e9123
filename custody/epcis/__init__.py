"""EPCIS 2.0 (JSON-LD) views of containers, and what is wrong with such a document beyond its schema (pure)."""

from custody.epcis.check import faults
from custody.epcis.document import document

__all__ = ["document", "faults"]
