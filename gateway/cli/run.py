"""``hygeia run``: the gateway."""

from __future__ import annotations

import asyncio
import gc
import signal

from gateway.cli.options import Config, DataDir
from gateway.config import Settings, load

#: When Python looks for cyclic garbage (its default is 700, 10, 10). Nearly all that lives here lives long, and a full
#: look stops every thread: 150 ms with 10,000 devices, 10 us a message; with these 0.3 us (docs/benchmarks.md).
GARBAGE = (50_000, 20, 10)


def run(config: Config = None, data_dir: DataDir = None) -> int:
    """Run the gateway until SIGTERM or Ctrl-C; what came in by then is decided and stored first."""
    import uvloop  # noqa: PLC0415 - the list of commands comes a second sooner without the gateway

    from gateway.log import configure  # noqa: PLC0415 - likewise

    gc.set_threshold(*GARBAGE)
    settings = load(config, data_dir)
    configure(settings.log.level, settings.log.format)
    return uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    """Start, wait for a signal or a part that fails for good, stop. Returns the exit code."""
    from gateway.app import Gateway  # noqa: PLC0415 - see run

    gateway = Gateway(settings)
    wanted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, wanted.set)
    await gateway.start()
    ends = [asyncio.create_task(wanted.wait()), asyncio.create_task(gateway.failed.wait())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await gateway.stop()
    return 1 if gateway.failed.is_set() else 0
