"""How a connection comes about: names, TCP, TLS and CONNACK, and how long to wait before the next attempt."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import ssl

from gateway.errors import StartError
from gateway.mqtt.connection import Connection, Owner, UnreachableError
from gateway.mqtt.options import MqttOptions

_CONNECT_TIMEOUT_S = 10.0
_BACKOFF_BASE_S = 0.5
_BACKOFF_CAP_S = 30.0
_dice = random.SystemRandom()


async def connect(
    options: MqttOptions,
    owner: Owner,
    *,
    clean_start: bool = False,
    timeout: float = _CONNECT_TIMEOUT_S,  # noqa: ASYNC109 - covers name, TCP, TLS and CONNACK as one
) -> Connection:
    """Connect and wait for the CONNACK.

    Raises StartError where a person must act (credentials, TLS, files), UnreachableError where time may help; both
    are one line.
    """
    context = await asyncio.to_thread(options.tls)
    connection = Connection(options, owner, clean_start=clean_start)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout):
            await loop.create_connection(lambda: connection, options.host, options.port, ssl=context)
            await asyncio.shield(connection.answer)
    except (StartError, UnreachableError):
        raise
    except TimeoutError as error:
        connection.abort("no answer")
        raise UnreachableError(f"{options.address} does not answer within {timeout:g} s") from error
    except ssl.SSLEOFError as error:
        raise UnreachableError(f"{options.address} ended the connection during the TLS handshake") from error
    except ssl.SSLError as error:
        words = str(error).partition("] ")[2].split(" (_ssl.c")[0] or str(error)
        raise StartError(
            f"{options.address}: TLS failed: {words}; check the scheme, host and port of mqtt.url, mqtt.ca, and "
            "mqtt.cert with mqtt.key where the broker wants a client certificate",
        ) from error
    except OSError as error:
        words = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)  # asyncio adds much
        hint = "; perhaps this port does not speak TLS" if options.secure and error.errno == errno.ECONNRESET else ""
        raise UnreachableError(f"{options.address} cannot be reached: {words}{hint}") from error
    except BaseException:
        connection.abort("given up")
        raise
    return connection


def full_jitter(attempt: int) -> float:
    """Seconds to wait before attempt 0, 1, 2, …: anything up to a doubling bound, so that clients spread out."""
    return _dice.uniform(0, min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2 ** min(attempt, 16)))
