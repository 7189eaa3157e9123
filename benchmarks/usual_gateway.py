"""A gateway of the usual kind, for comparison: aiomqtt, a callback a message, influxdb-client's batching WriteApi.

``python -m benchmarks.usual_gateway MQTT_PORT INFLUX_URL ORG BUCKET TOKEN``. It is written as the examples of both
libraries show it and as many projects run it, with what a careful author would add: a persistent session, QoS 1,
reconnecting, batches of 1,000 or a second, what is left written at SIGTERM. It decides nothing, keeps no state and
tells nobody. It does less than Hygeia, on purpose: the figures beside it are the price of the promises.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys

import aiomqtt
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import WriteApi, WriteOptions
from influxdb_client.domain.write_precision import WritePrecision

from benchmarks.load import ROOT
from benchmarks.processes import answer

_RECONNECT_S = 1.0


def on_message(message: aiomqtt.Message, write_api: WriteApi, bucket: str) -> None:
    """Turn one message into a point and hand it to the batching writer."""
    assert isinstance(message.payload, bytes)
    device = str(message.topic).split("/")[-3]
    document = json.loads(message.payload)
    point = Point("water").tag("device", device).tag("point", "-")  # type: ignore[no-untyped-call] # the library's
    point.time(document["ts"], WritePrecision.MS)
    for name, value in document["values"].items():
        point.field(name, float(value))
    write_api.write(bucket=bucket, record=point)


async def serve(port: int, write_api: WriteApi, bucket: str) -> None:
    """Receive until cancelled, reconnecting."""
    while True:
        with contextlib.suppress(aiomqtt.MqttError):
            async with aiomqtt.Client("127.0.0.1", port, identifier="usual-gateway", clean_session=False) as client:
                await client.subscribe(f"{ROOT}/+/+/up/telemetry", qos=1)
                answer(ready=True)
                async for message in client.messages:
                    on_message(message, write_api, bucket)
        await asyncio.sleep(_RECONNECT_S)


async def main(port: str, url: str, org: str, bucket: str, token: str) -> None:
    """Run until SIGTERM."""
    with InfluxDBClient(url, token, org=org) as client:
        options = WriteOptions(batch_size=1000, flush_interval=1000)
        with client.write_api(write_options=options) as write_api:
            task = asyncio.create_task(serve(int(port), write_api, bucket))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
