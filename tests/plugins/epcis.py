"""The official JSON Schema of EPCIS 2.0.1, with formats asserted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

SchemaFaults = Callable[[Mapping[str, Any]], list[str]]


@pytest.fixture(scope="session")
def schema_faults(shared: Path) -> SchemaFaults:
    """What the schema finds in a document, a line each; skips where the schema is absent."""
    text = (shared / "vectors" / "epcis" / "epcis-json-schema.json").read_text(encoding="utf-8")
    validator = jsonschema_rs.validator_for(json.loads(text), validate_formats=True)

    def check(document: Mapping[str, Any]) -> list[str]:
        return [
            f"{'/'.join(map(str, one.instance_path))}: {one.message[:300]}" for one in validator.iter_errors(document)
        ]

    return check
