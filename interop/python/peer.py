"""A WAMP client that does what it is told, for the interoperability tests.

Commands arrive as JSON lines on standard input and are answered, in order, on
standard output; invocations, events, progressive results and interrupts are
reported there as they happen. The two programs beside this one bring the event
loop and the transport, everything else is the same for both. The program ends
with its standard input.

Options have the names that they have in WAMP. A procedure is registered as one
that answers with what it got (echo), fails with it (fail), sends each of its
arguments as a progressive result before that (progress), or never answers (wait).

Bytes are written as {"$bytes": "<base64>"}; everything else is plain JSON.
"""

import base64
import json
import os
import sys
import threading
import traceback
from urllib.parse import unquote, urlsplit

from autobahn.wamp.auth import AuthCryptoSign, AuthScram, AuthTicket, AuthWampCra
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.serializer import CBORSerializer, JsonSerializer, MsgPackSerializer
from autobahn.wamp.types import (
    CallOptions,
    CallResult,
    PublishOptions,
    RegisterOptions,
    SubscribeOptions,
)

SERIALIZERS = {"json": JsonSerializer, "msgpack": MsgPackSerializer, "cbor": CBORSerializer}
REFUSED = "com.example.error.refused"

# What is reported of an invocation and of an event, where it is there.
DETAILS = (
    "procedure",
    "caller",
    "caller_authid",
    "caller_authrole",
    "topic",
    "publisher",
    "publisher_authid",
    "publisher_authrole",
    "retained",
)


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


def report(kind, uri, args, kwargs, details=None):
    """Says what arrived."""
    known = {name: getattr(details, name, None) for name in DETAILS}
    say(
        {
            kind: uri,
            "args": to_line(args),
            "kwargs": to_line(kwargs),
            "details": {name: value for name, value in known.items() if value is not None},
        }
    )


def address(url):
    """Splits a URL into what Autobahn wants: the kind, and where to connect to."""
    parts = urlsplit(url)
    kind = "websocket" if parts.scheme in ("ws", "wss") else "rawsocket"
    if parts.scheme == "unix":
        return kind, None, unquote(parts.path)
    return kind, (parts.hostname, parts.port), None


class Proof:
    """Authenticates a session, by the library's own authenticators.

    auth has the method and authid, and secret or key (a private key in hexadecimal
    digits), and channel_binding.
    """

    def __init__(self, auth):
        self.method, self.authid = auth["method"], auth.get("authid")
        extra = {}
        if auth.get("channel_binding"):
            extra["channel_binding"] = auth["channel_binding"]
        match self.method:
            case "ticket":
                self._authenticator = AuthTicket(ticket=auth["secret"])
            case "wampcra":
                self._authenticator = AuthWampCra(authid=self.authid, secret=auth["secret"])
            case "scram":
                self._authenticator = AuthScram(authid=self.authid, password=auth["secret"])
            case "cryptosign":
                self._authenticator = AuthCryptoSign(
                    authid=self.authid, privkey=auth["key"], authextra=extra
                )

    def join(self, session, realm):
        session.join(
            realm,
            authmethods=[self.method],
            authid=self.authid,
            authextra=self._authenticator.authextra,
        )

    def on_challenge(self, session, challenge):
        return self._authenticator.on_challenge(session, challenge)

    def on_welcome(self, session, welcome):
        return self._authenticator.on_welcome(session, welcome.authextra)


class Peer:
    """Carries out commands on one session.

    connect(url, realm, serializer, proof, ca) is a coroutine function that returns
    a joined session; waiting for a session's end is up to its `left` awaitable.
    proof is the Proof to authenticate by, or None; ca the file of the authority
    that TLS servers are trusted by.
    wait(interrupted) returns what an endpoint returns that never answers, but
    calls interrupted and fails with wamp.error.canceled when it is cancelled.
    cancelled is the exception that a call ends with when it was cancelled here.
    """

    def __init__(self, connect, wait, cancelled):
        self._connect = connect
        self._wait = wait
        self._cancelled = cancelled
        self._session = None
        self._registrations = {}
        self._subscriptions = {}
        self._calls = {}

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
        except self._cancelled:
            # Autobahn does not wait for the router's answer to CANCEL.
            answer = {"error": {"uri": "wamp.error.canceled"}}
        except Exception:
            answer = {"broken": traceback.format_exc()}
        say(answer)

    async def do_join(self, command):
        serializer = SERIALIZERS[command["serializer"]]()
        proof = Proof(command["auth"]) if command.get("auth") else None
        realm = command["realm"]
        self._session = await self._connect(command["url"], realm, serializer, proof, command.get("ca"))
        details = self._session.session_details
        return {
            "session": details.session,
            "authid": details.authid,
            "authrole": details.authrole,
            "authmethod": details.authmethod,
        }

    async def do_leave(self, command):
        self._session.leave()
        return await self.do_ended(command)

    async def do_ended(self, command):
        return {"reason": await self._session.left}

    async def do_register(self, command):
        uri, behaviour = command["uri"], command["as"]

        def endpoint(*args, details, **kwargs):
            report("invocation", uri, args, kwargs, details)
            if behaviour == "fail":
                raise ApplicationError(REFUSED, *args, **kwargs)
            if behaviour == "wait":
                return self._wait(lambda: say({"interrupted": uri}))
            if behaviour == "progress":
                for arg in args:
                    details.progress(arg)
            return CallResult(*args, **kwargs)

        options = RegisterOptions(details=True, **command["options"])
        self._registrations[uri] = await self._session.register(endpoint, uri, options=options)

    async def do_unregister(self, command):
        await self._registrations.pop(command["uri"]).unregister()

    async def do_call(self, command):
        await self.do_begin(command)
        return await self.do_end(command)

    async def do_begin(self, command):
        uri, options = command["uri"], dict(command["options"])
        # With details and progress together Autobahn fails on progressive results
        # that have no keyword arguments.
        if options.pop("receive_progress", False):
            options["on_progress"] = lambda *args, **kwargs: report("progress", uri, args, kwargs)
        else:
            options["details"] = True
        self._calls[uri] = self._session.call(
            uri,
            *from_line(command["args"]),
            **from_line(command["kwargs"]),
            options=CallOptions(**options),
        )

    async def do_cancel(self, command):
        self._calls[command["uri"]].cancel()  # without a mode

    async def do_end(self, command):
        result = await self._calls.pop(command["uri"])
        if not isinstance(result, CallResult):
            # Without details Autobahn hands a result over by itself when it is one.
            result = CallResult(*([] if result is None else [result]))
        return {"args": to_line(result.results), "kwargs": to_line(result.kwresults or {})}

    async def do_subscribe(self, command):
        uri = command["uri"]

        def handler(*args, details, **kwargs):
            report("event", uri, args, kwargs, details)

        options = SubscribeOptions(details=True, **command["options"])
        self._subscriptions[uri] = await self._session.subscribe(handler, uri, options)

    async def do_unsubscribe(self, command):
        await self._subscriptions.pop(command["uri"]).unsubscribe()

    async def do_publish(self, command):
        publication = self._session.publish(
            command["uri"],
            *from_line(command["args"]),
            **from_line(command["kwargs"]),
            options=PublishOptions(**command["options"]),
        )
        if command["options"].get("acknowledge"):
            return {"publication": (await publication).id}


def read_commands(start):
    """Reads commands in a thread of its own; start must hand each to the loop."""

    def read():
        for line in sys.stdin:
            start(json.loads(line))
        # Nobody tells this program anything any more, so nobody needs it.
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
