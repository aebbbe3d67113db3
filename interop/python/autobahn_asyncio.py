"""Autobahn|Python on asyncio as a peer of the interoperability tests."""

import asyncio

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import ComponentConfig
from peer import Peer, address, read_commands


class Session(ApplicationSession):
    def __init__(self, realm, proof):
        super().__init__(ComponentConfig(realm))
        self._proof = proof
        self.joined = asyncio.get_running_loop().create_future()
        self.left = asyncio.get_running_loop().create_future()
        self._reason = "transport lost"

    def onConnect(self):
        if self._proof is None:
            return super().onConnect()
        return self._proof.join(self, self.config.realm)

    def onChallenge(self, challenge):
        return self._proof.on_challenge(self, challenge)

    def onWelcome(self, welcome):
        return self._proof and self._proof.on_welcome(self, welcome)

    def onJoin(self, details):
        self.joined.set_result(self)

    def onLeave(self, details):
        self._reason = details.reason
        self.disconnect()

    def onDisconnect(self):
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(self._reason))
        self.left.set_result(self._reason)


async def connect(url, realm, serializer, proof, ca):
    session = Session(realm, proof)
    kind, host_port, path = address(url)
    if kind == "websocket":
        factory = WampWebSocketClientFactory(lambda: session, url=url, serializers=[serializer])
    else:
        factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
    loop = asyncio.get_running_loop()
    if path:
        await loop.create_unix_connection(factory, path)
    else:
        await loop.create_connection(factory, *host_port)
    return await session.joined


async def wait(interrupted):
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        interrupted()
        raise ApplicationError(ApplicationError.CANCELED) from None


async def main():
    loop = asyncio.get_running_loop()
    peer = Peer(connect, wait, asyncio.CancelledError)
    tasks = set()

    def start(command):
        task = loop.create_task(peer.handle(command))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    read_commands(lambda command: loop.call_soon_threadsafe(start, command))
    await loop.create_future()


asyncio.run(main())
