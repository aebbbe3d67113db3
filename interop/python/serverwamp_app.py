"""An application served by serverwamp, as the other end of our client.

It routes nothing: calls are answered and events are sent by the application
itself. The address is printed once it listens; it ends with standard input.
"""

import asyncio
import os
import sys

import serverwamp
from aiohttp import web

rpc = serverwamp.RPCRouteSet()
topics = serverwamp.TopicRouteSet()


@rpc.route("com.example.echo")
async def echo(request: serverwamp.RPCRequest):
    return serverwamp.RPCResult(args=request.args, kwargs=request.kwargs)


@rpc.route("com.example.fail")
async def fail(request: serverwamp.RPCRequest):
    return serverwamp.RPCErrorResult(
        "com.example.error.refused", args=request.args, kwargs=request.kwargs
    )


@rpc.route("com.example.count")
async def count(request: serverwamp.RPCRequest):
    for number in range(1, request.args[0] + 1):
        yield serverwamp.RPCProgressReport(args=[number])
    yield serverwamp.RPCResult(args=["done"])


@rpc.route("com.example.send")
async def send(request: serverwamp.RPCRequest):
    """Sends the caller an event on the topic given first, with the rest."""
    topic, *args = request.args
    await request.session.send_event(topic, args=args, kwargs=request.kwargs)


@rpc.route("com.example.dismiss")
async def dismiss(request: serverwamp.RPCRequest):
    """Ends the caller's session from this side."""
    await request.session.close("wamp.close.system_shutdown")


@topics.route("com.example.greeted")
async def greeted(topic_uri, session):
    await session.send_event(topic_uri, args=["welcome"])
    yield


@topics.route("com.example.quiet")
async def quiet(topic_uri, session):
    yield


@topics.route("com.example.forbidden")
async def forbidden(topic_uri, session):
    raise serverwamp.SubscribeError("wamp.error.not_authorized")
    yield


async def main():
    application = serverwamp.Application()
    realm = serverwamp.Realm("realm1")
    realm.add_rpc_routes(rpc)
    realm.add_topic_routes(topics)
    application.add_realm(realm)

    server = web.Application()
    server.router.add_get("/ws", application.aiohttp_websocket_handler())
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    print(f"listening on ws://127.0.0.1:{port}/ws", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)


asyncio.run(main())
