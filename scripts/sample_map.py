"""Writes deploy/maps/hygeia-districts.geojson: the outlines of the simulated city, which is invented."""

from __future__ import annotations

import json
from pathlib import Path

from devices.simulate.districts import outlines

SAMPLE = Path(__file__).resolve().parent.parent / "deploy" / "maps" / "hygeia-districts.geojson"


def text() -> str:
    """The file as it should be: a feature a line."""
    document = outlines()
    features = ",\n".join(json.dumps(one, ensure_ascii=False) for one in document.pop("features"))
    head = json.dumps(document, ensure_ascii=False, indent=0)[:-2].replace("\n", "\n ")
    return f'{head},\n "features": [\n{features}\n]}}\n'


if __name__ == "__main__":
    SAMPLE.write_text(text(), encoding="utf-8")
