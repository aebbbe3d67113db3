// A WAMP client that does what it is told, for the interoperability tests: the
// same line protocol as ../python/peer.py. The programs beside this one bring
// the client library.
//
// A library plugs in as an object of async functions: join, leave, register,
// unregister, call, subscribe, unsubscribe, publish. They get the command, with
// its values turned into JavaScript's, and callbacks that report what arrives.

import { createInterface } from 'node:readline'

export const REFUSED = 'com.example.error.refused'

// CallFailed is what a library's functions throw when a peer or the router
// answered with ERROR. Anything else that they throw is a failure of the test.
export class CallFailed extends Error {
  constructor (uri, args, kwargs) {
    super(uri)
    Object.assign(this, { uri, args: args ?? [], kwargs: kwargs ?? {} })
  }
}

function toLine (value) {
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') }
  }
  if (value instanceof Map) return toLine(Object.fromEntries(value))
  if (Array.isArray(value)) return value.map(toLine)
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toLine(item)]))
  }
  return value
}

function fromLine (value) {
  if (Array.isArray(value)) return value.map(fromLine)
  if (value !== null && typeof value === 'object') {
    const keys = Object.keys(value)
    if (keys.length === 1 && keys[0] === '$bytes') return Buffer.from(value.$bytes, 'base64')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromLine(item)]))
  }
  return value
}

function payload ({ args, kwargs }) {
  return { args: toLine(args ?? []), kwargs: toLine(kwargs ?? {}) }
}

// writeLine keeps standard output for the protocol: libraries log to console.log.
const writeLine = process.stdout.write.bind(process.stdout)
console.log = console.error
console.info = console.error

function say (line) {
  writeLine(JSON.stringify(line) + '\n')
}

function prepare (command) {
  const report = kind => received => say({ [kind]: command.uri, ...payload(received) })
  return {
    ...command,
    args: fromLine(command.args ?? []),
    kwargs: fromLine(command.kwargs ?? {}),
    onInvocation: report('invocation'),
    onEvent: report('event')
  }
}

export function serve (library) {
  const handle = async command => {
    try {
      const result = await library[command.do](prepare(command))
      say({ ok: command.do === 'call' ? payload(result) : result ?? null })
    } catch (error) {
      if (error instanceof CallFailed) {
        say({ error: { uri: error.uri, ...payload(error) } })
      } else {
        say({ broken: String(error?.stack ?? JSON.stringify(error) ?? error) })
      }
    }
  }
  const lines = createInterface({ input: process.stdin })
  lines.on('line', line => handle(JSON.parse(line)))
  lines.on('close', () => process.exit(0))
}
