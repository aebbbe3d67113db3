"""Autobahn|Python on Twisted as a peer of the interoperability tests."""

from autobahn.twisted.rawsocket import WampRawSocketClientFactory
from autobahn.twisted.wamp import ApplicationSession
from autobahn.twisted.websocket import WampWebSocketClientFactory
from autobahn.wamp.exception import ApplicationError
from autobahn.wamp.types import ComponentConfig
from peer import Peer, address, read_commands
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, TLSVersion, optionsForClientTLS


class Session(ApplicationSession):
    def __init__(self, realm, proof):
        super().__init__(ComponentConfig(realm))
        self._proof = proof
        self.joined = Deferred()
        self.left = Deferred()
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
        self.joined.callback(self)

    def onLeave(self, details):
        self._reason = details.reason
        self.disconnect()

    def onDisconnect(self):
        if not self.joined.called:
            self.joined.errback(ConnectionError(self._reason))
        self.left.callback(self._reason)


def tls_1_2(ca):
    """Trusts one authority. Autobahn knows tls-unique alone, which TLS 1.3 has not."""
    with open(ca) as file:
        root = Certificate.loadPEM(file.read())
    options = {"lowerMaximumSecurityTo": TLSVersion.TLSv1_2}
    return optionsForClientTLS("localhost", trustRoot=root, extraCertificateOptions=options)


async def connect(url, realm, serializer, proof, ca):
    session = Session(realm, proof)
    kind, host_port, path = address(url)
    if kind == "websocket":
        factory = WampWebSocketClientFactory(lambda: session, url=url, serializers=[serializer])
    else:
        factory = WampRawSocketClientFactory(lambda: session, serializer=serializer)
    if path:
        endpoint = UNIXClientEndpoint(reactor, path)
    else:
        endpoint = TCP4ClientEndpoint(reactor, *host_port)
        if ca:
            endpoint = wrapClientTLS(tls_1_2(ca), endpoint)
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
