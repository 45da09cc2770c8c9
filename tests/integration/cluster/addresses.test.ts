import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { addressCheck, type Resolve } from '../../../src/cluster/addresses.ts'
import { connect } from '../../../src/cluster/connection.ts'
import { runLadder } from '../../../src/cluster/preflight.ts'
import { getJson } from '../../../src/cluster/read.ts'
import type { Credential } from '../../../src/model/credential.ts'
import { Secret } from '../../../src/model/secret.ts'
import { type MadeServer, startMadeServer } from '../../support/pipe-server.ts'
import { startPipes } from '../../support/pipes.ts'
import { sampleTarget } from '../../support/samples.ts'
import { sharedRedis } from '../../support/sandbox.ts'

const credential: Credential = { id: 'test', kind: 'bearer', token: new Secret('a-token-of-the-test') }

let api: MadeServer
let connections = 0
let asked = 0
beforeAll(async () => {
  api = await startMadeServer((request, response) => {
    asked++
    if (request.url === '/endless') {
      const chunk = Buffer.alloc(1024 * 1024, 0x20)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
      }
      response.on('drain', more)
      more()
    } else if (request.url === '/silent') response.writeHead(200).write('{')
    else response.end('{}')
  })
  api.server.on('connection', () => connections++)
})
afterAll(() => api.stop())

const target = (host: string) => ({ server: `https://${host}:${api.port}`, ca: api.ca, tlsServerName: '127.0.0.1' })

/** A stub in place of a name server that changes its mind: each look gets the next answer, the last one from then on. */
const rebinding = (...answers: string[]): { readonly resolve: Resolve; looks(): number } => {
  let looks = 0
  return {
    resolve(_, __, callback) {
      const address = answers[Math.min(looks++, answers.length - 1)] ?? ''
      callback(null, [{ address, family: 4 }])
    },
    looks: () => looks,
  }
}

test('a name that means this host by the time of the connection is not connected to', async () => {
  const { resolve, looks } = rebinding('203.0.113.5', '127.0.0.1')
  const addresses = addressCheck([], resolve)
  // Whoever looks beforehand, as the check of a form would, is told something harmless.
  await new Promise<void>((done) => addresses.lookup('api.example', {}, (error) => done(expect(error).toBeNull())))
  const connection = connect(target('api.example'), credential, addresses)
  await expect(connection.request({ method: 'GET', path: '/' })).rejects.toMatchObject({
    code: 'target_address',
    message: expect.stringContaining('api.example (127.0.0.1)'),
  })
  connection.close()
  expect([looks(), connections]).toEqual([2, 0])
})

test('the connection goes to the address that was checked: the name is looked up once', async () => {
  const { resolve, looks } = rebinding('127.0.0.1', '203.0.113.5')
  const connection = connect(target('api.example'), credential, addressCheck(['127.0.0.1'], resolve))
  expect((await connection.request({ method: 'GET', path: '/' })).status).toBe(200)
  connection.close()
  expect(looks()).toBe(1)
})

test.each(['127.0.0.1', '2130706433', '127.1', '[::ffff:127.0.0.1]'])('%s is refused without being looked up', async (host) => {
  const [before, { resolve, looks }] = [connections, rebinding('127.0.0.1')]
  const connection = connect(target(host), credential, addressCheck([], resolve))
  await expect(connection.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'target_address' })
  await expect(connection.upgrade({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'target_address' })
  connection.close()
  expect([connections, looks()]).toEqual([before, 0])
})

test('the ladder of checks stops at the name, and opens nothing', async () => {
  const before = connections
  const { resolve } = rebinding('203.0.113.5', '127.0.0.1')
  const addresses = addressCheck([], resolve)
  const made = sampleTarget('checked', target('api.example'))
  const look = async (): Promise<unknown[]> => {
    const { lines } = await runLadder({ target: made, credential, worker: 'w1', addresses })
    return lines.filter(({ status }) => status === 'failed').map(({ rung, code }) => [rung, code])
  }
  // The rung of the name is passed by its first answer, and that of the connection is not.
  expect(await look()).toEqual([['tcp', 'target_address']])
  expect(await look()).toEqual([['dns', 'target_address']])
  expect(connections).toBe(before)
})

test('a server’s way through a worker ends at the same rule', async () => {
  const before = connections
  const { resolve } = rebinding('127.0.0.1')
  const pipes = await startPipes(await sharedRedis(), { addresses: addressCheck([], resolve) })
  try {
    for (const host of ['api.example', '127.0.0.1']) {
      const made = await pipes.target(target(host).server, { ca: api.ca, tlsServerName: '127.0.0.1' })
      const connection = pipes.cluster.connect(made, credential)
      await expect(connection.request({ method: 'GET', path: '/' })).rejects.toMatchObject({ code: 'target_address' })
      connection.close()
    }
  } finally {
    await pipes.stop()
  }
  expect(connections).toBe(before)
})

test('an answer without an end, and one that falls silent, are given up', async () => {
  const connection = connect(target('127.0.0.1'), credential)
  await expect(getJson(connection, '/endless')).rejects.toMatchObject({
    code: 'target_error',
    message: expect.stringContaining('more than 64 MiB'),
  })
  const answer = await connection.request({ method: 'GET', path: '/silent', timeoutMs: 2000 })
  await expect(answer.body.toArray()).rejects.toThrow()
  connection.close()
})

test('no proxy of the environment is used', async () => {
  const before = asked
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY']) vi.stubEnv(name, 'http://127.0.0.1:1')
  vi.stubEnv('NODE_USE_ENV_PROXY', '1')
  const connection = connect(target('127.0.0.1'), credential)
  expect((await connection.request({ method: 'GET', path: '/' })).status).toBe(200)
  connection.close()
  vi.unstubAllEnvs()
  expect(asked).toBe(before + 1)
})
