// autobahn-js as a peer of the interoperability tests.

import { createRequire } from 'node:module'
import { WebSocket } from 'ws'
import { CallFailed, REFUSED, serve } from './peer.mjs'

// autobahn-js takes WebSocket from the global scope, where Node has it since 22.
globalThis.WebSocket ??= WebSocket

const require = createRequire(import.meta.url)
const autobahn = require('autobahn')
const serializers = require('autobahn/lib/serializer.js')

const SERIALIZERS = {
  json: serializers.JSONSerializer,
  msgpack: serializers.MsgpackSerializer,
  cbor: serializers.CBORSerializer
}

let connection
let session
const registrations = new Map()
const subscriptions = new Map()

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

// failed turns what the library rejects with into the harness's own error.
function failed (error) {
  throw error instanceof autobahn.Error
    ? new CallFailed(error.error, error.args, error.kwargs)
    : error
}

serve({
  join ({ url, realm, serializer }) {
    return new Promise((resolve, reject) => {
      connection = new autobahn.Connection({
        transports: [transport(url, serializer)],
        realm,
        max_retries: 0,
        on_user_error: () => {} // an endpoint's error is part of the test
      })
      connection.onopen = opened => {
        session = opened
        resolve()
      }
      connection.onclose = (reason, details) => {
        reject(new Error(`${reason} ${JSON.stringify(details)}`))
        return true
      }
      connection.open()
    })
  },

  leave () {
    return new Promise(resolve => {
      connection.onclose = (reason, details) => resolve({ reason: details.reason })
      connection.close()
    })
  },

  async register ({ uri, fails, onInvocation }) {
    const endpoint = (args, kwargs) => {
      onInvocation({ args, kwargs })
      if (fails) throw new autobahn.Error(REFUSED, args, kwargs)
      return new autobahn.Result(args, kwargs)
    }
    registrations.set(uri, await session.register(uri, endpoint).catch(failed))
  },

  async unregister ({ uri }) {
    await session.unregister(registrations.get(uri)).catch(failed)
  },

  async call ({ uri, args, kwargs }) {
    const result = await session.call(uri, args, kwargs).catch(failed)
    if (result instanceof autobahn.Result) return result
    return { args: result === null ? [] : [result] }
  },

  async subscribe ({ uri, onEvent }) {
    const handler = (args, kwargs) => onEvent({ args, kwargs })
    subscriptions.set(uri, await session.subscribe(uri, handler).catch(failed))
  },

  async unsubscribe ({ uri }) {
    await session.unsubscribe(subscriptions.get(uri)).catch(failed)
  },

  async publish ({ uri, args, kwargs, acknowledge, include_me: includeMe }) {
    const options = {}
    if (acknowledge) options.acknowledge = true
    if (includeMe) options.exclude_me = false
    const published = session.publish(uri, args, kwargs, options)
    if (acknowledge) return { publication: (await published.catch(failed)).id }
  }
})
