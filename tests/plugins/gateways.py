"""Gateways as processes, ended with the test whatever becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.plugins.influx import Bucket
from tests.support.process import GatewayProcess

NewGateway = Callable[..., GatewayProcess]


@pytest.fixture
def new_gateway(tmp_path: Path) -> Iterator[NewGateway]:
    """Call it for a gateway that is not yet started: ``new_gateway(broker_url, bucket, HYGEIA_…="…")``.

    With ``bucket`` its store is InfluxDB. The data folder is one of its own.
    """
    gateways: list[GatewayProcess] = []

    def new(broker: str, bucket: Bucket | None = None, **settings: str) -> GatewayProcess:
        if bucket is not None:
            settings = {
                "HYGEIA_TIMESERIES__STORE": "influx",
                "HYGEIA_INFLUX__URL": bucket.url,
                "HYGEIA_INFLUX__ORG": bucket.org,
                "HYGEIA_INFLUX__BUCKET": bucket.bucket,
                "HYGEIA_INFLUX__TOKEN": bucket.token,
            } | settings
        gateway = GatewayProcess(tmp_path / f"gateway-{len(gateways)}", broker, settings)
        gateways.append(gateway)
        return gateway

    yield new
    for gateway in gateways:
        gateway.kill()
