// wampy.js as a peer of the interoperability tests.

import { Wampy } from 'wampy'
import { CborSerializer } from 'wampy/CborSerializer.js'
import { JsonSerializer } from 'wampy/JsonSerializer.js'
import { MsgpackSerializer } from 'wampy/MsgpackSerializer.js'
import { WebSocket } from 'ws'
import { CallFailed, REFUSED, serve } from './peer.mjs'

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer }

let client
const subscriptions = new Map()

// failed turns what the library rejects with into the harness's own error.
function failed (error) {
  throw error.errorUri ? new CallFailed(error.errorUri, error.argsList, error.argsDict) : error
}

// plain turns the Uint8Arrays that cbor-x decodes into Buffers, which it encodes
// as byte strings: a Uint8Array it marks as a typed array, CBOR tag 64.
function plain (value) {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (Array.isArray(value)) return value.map(plain)
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
  }
  return value
}

function received ({ argsList, argsDict }) {
  return { args: argsList, kwargs: argsDict }
}

serve({
  async join ({ url, realm, serializer }) {
    client = new Wampy(url, {
      realm,
      ws: WebSocket,
      serializer: new SERIALIZERS[serializer](),
      autoReconnect: false
    })
    await client.connect()
  },

  async leave () {
    await client.disconnect()
  },

  async register ({ uri, fails, onInvocation }) {
    const endpoint = invocation => {
      onInvocation(received(invocation))
      const argsList = plain(invocation.argsList ?? [])
      const argsDict = plain(invocation.argsDict ?? {})
      if (fails) throw Object.assign(new Error(REFUSED), { error: REFUSED, argsList, argsDict })
      return { argsList, argsDict }
    }
    await client.register(uri, endpoint).catch(failed)
  },

  async unregister ({ uri }) {
    await client.unregister(uri).catch(failed)
  },

  async call ({ uri, args, kwargs }) {
    return received(await client.call(uri, { argsList: args, argsDict: kwargs }).catch(failed))
  },

  async subscribe ({ uri, onEvent }) {
    const subscription = await client.subscribe(uri, event => onEvent(received(event))).catch(failed)
    subscriptions.set(uri, subscription.subscriptionId)
  },

  async unsubscribe ({ uri }) {
    await client.unsubscribe(subscriptions.get(uri)).catch(failed)
  },

  // wampy.js asks for an acknowledgement always, and never sends exclude_me: false.
  async publish ({ uri, args, kwargs }) {
    const published = await client.publish(uri, { argsList: args, argsDict: kwargs }).catch(failed)
    return { publication: Number(published.publicationId) } // in MessagePack it is a BigInt
  }
})
