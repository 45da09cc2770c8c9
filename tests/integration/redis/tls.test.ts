import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { consume, openQueue, type QueueItem } from '../../../src/queue/index.ts'
import { inspectRedis, openStore } from '../../../src/store/index.ts'
import { eventually } from '../../support/eventually.ts'
import { startTlsRedis, type TlsRedis } from '../../support/tlsredis.ts'

let dir: string
let served: TlsRedis
const at = (file: string): string => join(dir, file)
/** The address with TLS and these options. */
const address = (options: Readonly<Record<string, string>>): string => served.address(options)
const whole = (): Record<string, string> => ({ user: 'app', password_file: at('password'), ...served.options })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-tls-'))
  for (const [file, text] of Object.entries({ password: 'hunter2\n', wrong: 'swordfish\n' }))
    await writeFile(at(file), text, { mode: 0o400 })
  served = await startTlsRedis(dir)
  await served.redis.command('ACL', 'SETUSER', 'app', 'on', '>hunter2', '~*', '&*', '+@all')
})
afterAll(async () => {
  await served.redis.stop()
  await rm(dir, { recursive: true, force: true })
})

test('store and queue go over TLS, with a client certificate, a password from a file, and the name that the certificate bears', async () => {
  const url = address(whole())
  const store = await openStore({ url })
  await store.ping()
  const heard: QueueItem[] = []
  const consumer = consume({ url, pool: 'tls', concurrency: 1, handler: async (item) => void heard.push(item) })
  const queue = openQueue({ url })
  await queue.enqueue('tls', { kind: 'check', checkId: 'chk_1', target: 't' })
  await eventually(() => heard.length === 1)
  await Promise.all([consumer.close(), queue.close(), store.close()])
})

test.each<[string, object, string, string]>([
  ['another authority', { ca_file: 'other.pem' }, 'redis_tls', 'certificate'],
  ['another name', { server_name: 'elsewhere.example' }, 'redis_tls', 'elsewhere.example'],
  ['a wrong password', { password_file: 'wrong' }, 'redis_denied', 'WRONGPASS'],
])('what is wrong is said: %s', async (_, changes, code, text) => {
  const named = Object.fromEntries(Object.entries(changes).map(([name, value]) => [name, name.endsWith('_file') ? at(value) : value]))
  const opening = openStore({ url: address({ ...whole(), ...named }), timeoutMs: 2000 })
  await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(text) })
  await expect(opening).rejects.toThrow(/^(?!.*(swordfish|hunter2))/s)
})

test('a server that asks for a certificate takes none without, and one that is missing is named', async () => {
  const { cert_file: _cert, key_file: _key, ...none } = whole()
  await expect(openStore({ url: address(none), timeoutMs: 1500 })).rejects.toMatchObject({
    code: expect.stringMatching(/^redis_(tls|unreachable|timeout)$/),
  })
  await expect(openStore({ url: address({ ...whole(), ca_file: '/nowhere/ca.pem' }) })).rejects.toMatchObject({
    code: 'redis_file',
    message: expect.stringContaining('/nowhere/ca.pem of ca_file'),
  })
})

test('doctor is told of the way: TLS, a socket and its mode, and who is let in', async () => {
  const { redis, socket } = served
  expect(await inspectRedis(address(whole()))).toMatchObject([{ tls: true, reach: 'loopback' }])
  expect(await inspectRedis(`unix://${socket}`)).toMatchObject([{ tls: false, reach: 'socket', open: true, socketMode: 0o140600 }])
  await chmod(socket, 0o666)
  expect(await inspectRedis(`unix://${socket}`)).toMatchObject([{ socketMode: 0o140666 }])
  expect(await inspectRedis(redis.url)).toMatchObject([{ tls: false, reach: 'loopback', open: true }])
  await redis.command('ACL', 'SETUSER', 'default', 'resetpass', '>hunter2')
  expect(await inspectRedis(`redis://app:hunter2@127.0.0.1:${redis.port}`)).toMatchObject([{ open: false }])
})
