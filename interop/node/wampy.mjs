// wampy.js as a peer of the interoperability tests.

import { Wampy } from 'wampy'
import { CborSerializer } from 'wampy/CborSerializer.js'
import { JsonSerializer } from 'wampy/JsonSerializer.js'
import { MsgpackSerializer } from 'wampy/MsgpackSerializer.js'
import * as cryptosign from 'wampy/cryptosign.js'
import * as cra from 'wampy/wampcra.js'
import { WebSocket } from 'ws'
import { CallFailed, REFUSED, behave, serve } from './peer.mjs'

const SERIALIZERS = { json: JsonSerializer, msgpack: MsgpackSerializer, cbor: CborSerializer }

let client
let ended // a promise
const subscriptions = new Map()

// proof is what authenticates a session, by the library's own functions.
function proof ({ method, authid, secret, key, pubkey }) {
  const plugins = { ticket: () => secret, wampcra: cra.sign(secret), cryptosign: key && cryptosign.sign(key) }
  return {
    authid,
    authmethods: [method],
    authextra: pubkey ? { pubkey } : {},
    authMode: 'auto',
    authPlugins: { [method]: plugins[method] }
  }
}

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

function received ({ argsList, argsDict, details }) {
  return { args: argsList, kwargs: argsDict, details }
}

serve({
  async join ({ url, realm, serializer, auth }) {
    let close
    ended = new Promise(resolve => { close = () => resolve({}) })
    client = new Wampy(url, {
      realm,
      ws: WebSocket,
      serializer: new SERIALIZERS[serializer](),
      autoReconnect: false,
      onClose: close,
      ...(auth ? proof(auth) : {})
    })
    const { authid, authrole, authmethod } = await client.connect()
    return { session: Number(client.getSessionId()), authid, authrole, authmethod } // in MessagePack it is a BigInt
  },

  async leave () {
    await client.disconnect()
  },

  ended () {
    return ended
  },

  async register ({ uri, as, options, onInvocation }) {
    const endpoint = invocation => {
      onInvocation(received(invocation))
      const args = plain(invocation.argsList ?? [])
      const kwargs = plain(invocation.argsDict ?? {})
      return behave(as, { args, kwargs }, {
        answer: (argsList, argsDict) => ({ argsList, argsDict }),
        fail: (argsList, argsDict) => Object.assign(new Error(REFUSED), { error: REFUSED, argsList, argsDict }),
        progress: argsList => invocation.result_handler({ argsList, options: { progress: true } })
      })
    }
    await client.register(uri, endpoint, options).catch(failed)
  },

  async unregister ({ uri }) {
    await client.unregister(uri).catch(failed)
  },

  async begin ({ uri, args, kwargs, options: { receive_progress: receiveProgress, ...options }, onProgress }) {
    if (receiveProgress) options.progress_callback = progress => onProgress(received(progress))
    const call = client.call(uri, { argsList: args, argsDict: kwargs }, options)
    const request = client.getOpStatus().reqId
    return {
      result: call.then(received, failed),
      cancel: mode => client.cancel(request, { mode })
    }
  },

  // stream sends each argument as input of one call. The library answers with
  // the first final result.
  async stream ({ uri, args, onProgress }) {
    const [first, ...rest] = args
    const options = { progress_callback: progress => onProgress(received(progress)) }
    const { result, sendData } = client.progressiveCall(uri, { argsList: [first] }, options)
    rest.forEach((arg, i) => sendData({ argsList: [arg] }, { progress: i < rest.length - 1 }))
    return received(await result.catch(failed))
  },

  // What was subscribed to with options, be they empty, wampy.js cannot
  // unsubscribe from: UNSUBSCRIBED then ends the program.
  async subscribe ({ uri, options, onEvent }) {
    const handler = event => onEvent(received(event))
    const given = Object.keys(options).length > 0 ? options : undefined
    const subscription = await client.subscribe(uri, handler, given).catch(failed)
    subscriptions.set(uri, subscription.subscriptionId)
  },

  async unsubscribe ({ uri }) {
    await client.unsubscribe(subscriptions.get(uri)).catch(failed)
  },

  // wampy.js asks for an acknowledgement always, and never sends exclude_me: false.
  async publish ({ uri, args, kwargs, options: { acknowledge, ...options } }) {
    const published = await client.publish(uri, { argsList: args, argsDict: kwargs }, options).catch(failed)
    return { publication: Number(published.publicationId) } // in MessagePack it is a BigInt
  }
})
