// fox-wamp's router, as the other end of our client. It speaks JSON over
// WebSocket only. The address is printed once it listens; it ends with its
// standard input.

import { createRequire } from 'node:module'

const print = process.stdout.write.bind(process.stdout)
console.log = console.error

const Router = createRequire(import.meta.url)('fox-wamp')

const router = new Router()
const server = router.listenWAMP({ host: '127.0.0.1', port: 0, path: '/ws' })
server.on('listening', () => print(`listening on ws://127.0.0.1:${server.address().port}/ws\n`))
process.stdin.on('end', () => process.exit(0)).resume()
