// A WAMP client that does what it is told, for the interoperability tests: the
// same line protocol as ../python/peer.py. The programs beside this one bring
// the client library.
//
// A library plugs in as an object of async functions: join, leave, ended,
// register, unregister, call, begin, subscribe, unsubscribe, publish. They get the
// command, with its values turned into JavaScript's, and callbacks that report
// what arrives. begin starts a call and returns its promise and what cancels it.

import { createInterface } from 'node:readline'

export const REFUSED = 'com.example.error.refused'

const never = new Promise(() => {})

// What is reported of an invocation and of an event, where it is there.
const DETAILS = [
  'procedure', 'caller', 'caller_authid', 'caller_authrole',
  'topic', 'publisher', 'publisher_authid', 'publisher_authrole', 'retained'
]

const calls = new Map()

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
  const report = kind => received => {
    const details = {}
    for (const name of DETAILS) {
      const value = received.details?.[name]
      if (value !== undefined && value !== null) details[name] = value
    }
    say({ [kind]: command.uri, ...payload(received), details: toLine(details) })
  }
  return {
    ...command,
    args: fromLine(command.args ?? []),
    kwargs: fromLine(command.kwargs ?? {}),
    onInvocation: report('invocation'),
    onProgress: report('progress'),
    onEvent: report('event')
  }
}

// behave does what the endpoint of a procedure does: answer turns a payload into
// what the library takes for a result, fail into what it takes for an error, and
// progress sends one.
export function behave (behaviour, { args, kwargs }, { answer, fail, progress }) {
  switch (behaviour) {
    case 'fail':
      throw fail(args, kwargs)
    case 'wait':
      return never
    case 'progress':
      for (const arg of args) progress([arg])
  }
  return answer(args, kwargs)
}

const commands = {
  async call (library, command) {
    const { result } = await library.begin(command)
    return payload(await result)
  },

  async begin (library, command) {
    const call = await library.begin(command)
    call.result.catch(() => {}) // end tells
    calls.set(command.uri, call)
  },

  async cancel (library, { uri, mode }) {
    calls.get(uri).cancel(mode)
  },

  async end (library, { uri }) {
    return payload(await calls.get(uri).result)
  },

  async stream (library, command) {
    return payload(await library.stream(command))
  }
}

export function serve (library) {
  const handle = async command => {
    try {
      const run = commands[command.do] ?? ((library, command) => library[command.do](command))
      const result = await run(library, prepare(command))
      say({ ok: result ?? null })
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
