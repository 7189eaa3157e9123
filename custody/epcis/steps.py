"""Which EPCIS event each step is. The values are those of CBV 2.0 that exist, as bare words.

``shipping`` and ``arriving`` are not used: CBV excludes the one beside ``loading`` and ``departing``, the other beside
``receiving``; ``accepting`` stands for the confirmation of a carrier only, for the same reason. ``disposed`` means
returned for disposal; what is destroyed is ``destroyed``. ``in_transit`` is between two trading partners, never inside
a hospital.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["ObjectEvent", "AggregationEvent", "TransformationEvent"]


class Form(NamedTuple):
    """How a step is told. ``stays``: the place is where it is until the next event (bizLocation)."""

    kind: Kind
    action: Literal["ADD", "OBSERVE", "DELETE"]
    biz_step: str
    disposition: str
    stays: bool = False


def _seen(biz_step: str, disposition: str, *, stays: bool = False) -> Form:
    return Form("ObjectEvent", "OBSERVE", biz_step, disposition, stays)


FORMS: dict[str, Form] = {
    "pack": Form("ObjectEvent", "ADD", "commissioning", "active", stays=True),
    "collect": _seen("collecting", "in_progress"),
    "move": _seen("transporting", "in_progress"),
    "store_in": _seen("storing", "in_progress", stays=True),
    "store_out": _seen("storing", "in_progress"),
    "load": Form("AggregationEvent", "ADD", "loading", "in_progress"),
    "depart": _seen("departing", "in_transit"),
    "arrive": _seen("transporting", "in_transit"),
    "receive": _seen("receiving", "in_progress", stays=True),
    "unload": Form("AggregationEvent", "DELETE", "unloading", "in_progress"),
    "unpack": Form("AggregationEvent", "DELETE", "unpacking", "completeness_verified", stays=True),
    "dispose": Form("ObjectEvent", "DELETE", "destroying", "destroyed"),
    "confirm": _seen("accepting", "in_progress"),
    "split": Form("TransformationEvent", "OBSERVE", "commissioning", "active", stays=True),
    "merge": Form("TransformationEvent", "OBSERVE", "commissioning", "active", stays=True),
    "refuse": _seen("inspecting", "non_conformant"),
    "inspect": _seen("inspecting", "conformant"),
    "hold": _seen("holding", "non_conformant", stays=True),
    "lost": _seen("inspecting", "mismatch_instance"),
    "found": _seen("inspecting", "in_progress", stays=True),
}
#: A bin with its content: ``pack`` with ``parent``.
PACKED = Form("AggregationEvent", "ADD", "packing", "container_closed", stays=True)
#: All that is in a bin leaves it, and nobody looked at each.
EMPTIED = Form("AggregationEvent", "DELETE", "unpacking", "completeness_inferred", stays=True)
#: The receiver of a transport confirms what it received.
CHECKED = _seen("inspecting", "conformant")
#: What EPCIS has no word for: a ``void`` that changed nothing, a step that nobody knows.
OTHER = _seen("other", "in_progress")
#: The last part of the installation's own URI of the step ``bin_clean``: CBV has no word for disinfecting.
DISINFECTING = "bizstep/disinfecting"
CLEANED = _seen(DISINFECTING, "available", stays=True)

#: Places whose confirmation is that of a receiver.
RECEIVERS = frozenset({"disposal_plant", "collection_point"})
#: Steps at which ``by`` takes over from ``with``; and the other way round.
TAKING = frozenset({"collect", "load", "receive", "confirm"})
GIVING = frozenset({"store_out", "depart", "arrive", "unload"})
