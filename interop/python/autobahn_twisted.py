"""Autobahn|Python on Twisted as a peer of the interoperability tests."""

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import ComponentConfig
from peer import Peer, address, read_commands
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint


class Session(ApplicationSession):
    def __init__(self, realm):
        super().__init__(ComponentConfig(realm))
        self.joined = Deferred()
        self.left = Deferred()
        self._reason = "transport lost"

    def onJoin(self, details):
        self.joined.callback(self)

    def onLeave(self, details):
        self._reason = details.reason
        self.disconnect()

    def onDisconnect(self):
        if not self.joined.called:
            self.joined.errback(ConnectionError(self._reason))
        self.left.callback(self._reason)


async def connect(url, realm, serializer):
    session = Session(realm)
    kind, host_port, path = address(url)
    if kind == "websocket":
        factory = WampWebSocketClientFactory(lambda: session, url=url, serializers=[serializer])
    else:
        factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
    if path:
        endpoint = UNIXClientEndpoint(reactor, path)
    else:
        endpoint = TCP4ClientEndpoint(reactor, *host_port)
    await endpoint.connect(factory)
    return await session.joined


def wait(interrupted):
    def cancel(deferred):
        interrupted()
        deferred.errback(ApplicationError(ApplicationError.CANCELED))

    return Deferred(cancel)


peer = Peer(connect, wait, CancelledError)
read_commands(
    lambda command: reactor.callFromThread(lambda: ensureDeferred(peer.handle(command)))
)
reactor.run(installSignalHandlers=False)
