"""A WAMP client that does what it is told, for the interoperability tests.

Commands arrive as JSON lines on standard input and are answered, in order, on
standard output; invocations and events are reported there as they happen. The
two programs beside this one bring the event loop and the transport, everything
else is the same for both. The program ends with its standard input.

Bytes are written as {"$bytes": "<base64>"}; everything else is plain JSON.
"""

import base64
import json
import os
import sys
import threading
import traceback
from urllib.parse import unquote, urlsplit

from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import CallOptions, CallResult, PublishOptions

SERIALIZERS = {"json": JsonSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
REFUSED = "com.example.error.refused"


def to_line(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"$bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, dict):
        return {key: to_line(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_line(item) for item in value]
    return value


def from_line(value):
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {key: from_line(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_line(item) for item in value]
    return value


def say(line):
    sys.stdout.write(json.dumps(line, default=repr) + "\n")
    sys.stdout.flush()


def address(url):
    """Splits a URL into what Autobahn wants: the kind, and where to connect to."""
    parts = urlsplit(url)
    kind = "websocket" if parts.scheme == "ws" else "rawsocket"
    if parts.scheme == "unix":
        return kind, None, unquote(parts.path)
    return kind, (parts.hostname, parts.port), None


class Peer:
    """Carries out commands on one session.

    connect(url, serializer) is a coroutine function that returns a joined
    session; waiting for a session's end is up to its `left` awaitable.
    """

    def __init__(self, connect):
        self._connect = connect
        self._session = None
        self._registrations = {}
        self._subscriptions = {}

    async def handle(self, command):
        try:
            answer = {"ok": await getattr(self, "do_" + command["do"])(command)}
        except ApplicationError as error:
            answer = {
                "error": {
                    "uri": error.error,
                    "args": to_line(error.args),
                    "kwargs": to_line(error.kwargs),
                }
            }
        except Exception:
            answer = {"broken": traceback.format_exc()}
        say(answer)

    async def do_join(self, command):
        serializer = SERIALIZERS[command["serializer"]]()
        self._session = await self._connect(command["url"], command["realm"], serializer)

    async def do_leave(self, command):
        self._session.leave()
        return {"reason": await self._session.left}

    async def do_register(self, command):
        uri, fails = command["uri"], command["fails"]

        def endpoint(*args, **kwargs):
            say({"invocation": uri, "args": to_line(args), "kwargs": to_line(kwargs)})
            if fails:
                raise ApplicationError(REFUSED, *args, **kwargs)
            return CallResult(*args, **kwargs)

        self._registrations[uri] = await self._session.register(endpoint, uri)

    async def do_unregister(self, command):
        await self._registrations.pop(command["uri"]).unregister()

    async def do_call(self, command):
        result = await self._session.call(
            command["uri"],
            *from_line(command["args"]),
            **from_line(command["kwargs"]),
            options=CallOptions(details=True),
        )
        return {"args": to_line(result.results), "kwargs": to_line(result.kwresults or {})}

    async def do_subscribe(self, command):
        uri = command["uri"]

        def handler(*args, **kwargs):
            say({"event": uri, "args": to_line(args), "kwargs": to_line(kwargs)})

        self._subscriptions[uri] = await self._session.subscribe(handler, uri)

    async def do_unsubscribe(self, command):
        await self._subscriptions.pop(command["uri"]).unsubscribe()

    async def do_publish(self, command):
        options = PublishOptions(
            acknowledge=command["acknowledge"] or None,
            exclude_me=False if command["include_me"] else None,
        )
        publication = self._session.publish(
            command["uri"],
            *from_line(command["args"]),
            **from_line(command["kwargs"]),
            options=options,
        )
        if command["acknowledge"]:
            return {"publication": (await publication).id}


def read_commands(start):
    """Reads commands in a thread of its own; start must hand each to the loop."""

    def read():
        for line in sys.stdin:
            start(json.loads(line))
        # Nobody tells this program anything any more, so nobody needs it.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
