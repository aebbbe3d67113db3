// autobahn-js as a peer of the interoperability tests.

import { createRequire } from 'node:module'
import { WebSocket } from 'ws'
import { CallFailed, REFUSED, behave, serve } from './peer.mjs'

// autobahn-js takes WebSocket from the global scope, where Node has it since 22.
globalThis.WebSocket ??= WebSocket

const require = createRequire(import.meta.url)
const autobahn = require('autobahn')
const serializers = require('autobahn/lib/serializer.js')
const nacl = require('tweetnacl')

const SERIALIZERS = {
  json: serializers.JSONSerializer,
  msgpack: serializers.MsgpackSerializer,
  cbor: serializers.CBORSerializer
}

let connection
let session
let ended // a promise of the reason
const registrations = new Map()
const subscriptions = new Map()

// deferred is what the library makes its promises of: its default has no notify,
// without which a progressive result is the end of the program.
function deferred () {
  const d = {}
  let onProgress
  d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject }))
  d.promise.progressed = f => { onProgress = f }
  d.notify = progress => onProgress(progress)
  return d
}

function transport (url, serializer) {
  const { protocol, hostname, port, pathname } = new URL(url)
  switch (protocol) {
    case 'ws:':
      return { type: 'websocket', url, serializers: [new SERIALIZERS[serializer]()] }
    case 'tcp:':
      return { type: 'rawsocket', host: hostname, port: Number(port) }
    case 'unix:':
      return { type: 'rawsocket', path: decodeURIComponent(pathname) }
  }
  throw new Error(`no transport for ${url}`)
}

// proof is what authenticates a session, by the library's own functions.
function proof ({ method, authid, secret, key }) {
  const pair = key && nacl.sign.keyPair.fromSeed(Buffer.from(key, 'hex'))
  const authextra = pair && { pubkey: autobahn.auth_cryptosign.public_key(pair), channel_binding: null }
  const { sign, derive_key: deriveKey } = autobahn.auth_cra
  const answers = {
    ticket: () => secret,
    wampcra: ({ challenge, salt, iterations, keylen }) =>
      sign(salt ? deriveKey(secret, salt, iterations, keylen) : secret, challenge),
    cryptosign: extra => autobahn.auth_cryptosign.sign_challenge(pair, extra)
  }
  return { authmethods: [method], authid, authextra, onchallenge: (session, asked, extra) => answers[asked](extra) }
}

// failed turns what the library rejects with into the harness's own error.
function failed (error) {
  throw error instanceof autobahn.Error
    ? new CallFailed(error.error, error.args, error.kwargs)
    : error
}

serve({
  join ({ url, realm, serializer, auth }) {
    return new Promise((resolve, reject) => {
      connection = new autobahn.Connection({
        transports: [transport(url, serializer)],
        realm,
        ...(auth ? proof(auth) : {}),
        max_retries: 0,
        use_deferred: deferred,
        on_user_error: () => {} // an endpoint's error is part of the test
      })
      connection.onopen = (opened, details) => {
        session = opened
        ended = new Promise(resolve => {
          connection.onclose = (reason, details) => {
            resolve({ reason: details.reason })
            return true
          }
        })
        const { authid, authrole, authmethod } = details
        resolve({ session: session.id, authid, authrole, authmethod })
      }
      connection.onclose = (reason, details) => {
        reject(new Error(`${reason} ${JSON.stringify(details)}`))
        return true
      }
      connection.open()
    })
  },

  leave () {
    connection.close()
    return ended
  },

  ended () {
    return ended
  },

  async register ({ uri, as, options, onInvocation }) {
    const endpoint = (args, kwargs, details) => {
      onInvocation({ args, kwargs, details })
      return behave(as, { args, kwargs }, {
        answer: (args, kwargs) => new autobahn.Result(args, kwargs),
        fail: (args, kwargs) => new autobahn.Error(REFUSED, args, kwargs),
        progress: details.progress
      })
    }
    registrations.set(uri, await session.register(uri, endpoint, options).catch(failed))
  },

  async unregister ({ uri }) {
    await session.unregister(registrations.get(uri)).catch(failed)
  },

  // A result that is one value or none arrives as such.
  async begin ({ uri, args, kwargs, options, onProgress }) {
    const received = result => {
      if (result instanceof autobahn.Result) return result
      return { args: result === null ? [] : [result] }
    }
    const call = session.call(uri, args, kwargs, options)
    call.progressed(progress => onProgress(received(progress)))
    return {
      result: call.then(received, failed),
      cancel: mode => call.cancel({ mode })
    }
  },

  async subscribe ({ uri, options, onEvent }) {
    const handler = (args, kwargs, details) => onEvent({ args, kwargs, details })
    subscriptions.set(uri, await session.subscribe(uri, handler, options).catch(failed))
  },

  async unsubscribe ({ uri }) {
    await session.unsubscribe(subscriptions.get(uri)).catch(failed)
  },

  async publish ({ uri, args, kwargs, options }) {
    const published = session.publish(uri, args, kwargs, options)
    if (options.acknowledge) return { publication: (await published.catch(failed)).id }
  }
})
