import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect as dial } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { connect } from '../../../src/cluster/connection.ts'
import type { Credential } from '../../../src/model/credential.ts'
import type { LedgerEntry } from '../../../src/model/ledger.ts'
import { Secret } from '../../../src/model/secret.ts'
import { eventually } from '../../support/eventually.ts'
import { type OpenGate, type OpenOptions, openGate } from './harness.ts'
import { startTrap, startUnruly, type Unruly } from './unruly.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const bearer = (id: string): Credential => ({ id, kind: 'bearer', token: new Secret(`token-of-${id}`) })

const start = async (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  options: OpenOptions = {},
): Promise<OpenGate & { unruly: Unruly }> => {
  const unruly = await startUnruly(answer)
  ends.push(() => unruly.stop())
  const opened = await openGate(unruly, bearer('first'), options)
  ends.push(() => opened.stop())
  return { ...opened, unruly }
}

const maps = '/api/v1/namespaces/dev/configmaps'
const object = JSON.stringify({ kind: 'ConfigMap', metadata: { name: 'a', uid: 'u', generation: 3 } })
const create = (url: string, body = '{}'): Promise<Response> =>
  fetch(`${url}${maps}`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })

/** What a raw request is answered, to the end of the connection. */
const answerTo = (port: number, head: string): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    const socket = dial(port, '127.0.0.1', () => socket.write(head))
    socket.on('data', (chunk) => {
      text += chunk.toString()
    })
    socket.on('end', () => socket.end()).on('close', () => resolve(text))
  })

test('a redirect is refused, and what it points at never asked', async () => {
  const trap = await startTrap()
  ends.push(() => trap.stop())
  const { url, kubectl, unruly } = await start((_, response) => response.writeHead(307, { location: `${trap.url}/stolen` }).end())
  const answer = await fetch(`${url}${maps}`, { redirect: 'manual' })
  expect(answer.status).toBe(502)
  expect(answer.headers.get('location')).toBeNull()
  expect(await answer.json()).toMatchObject({ kind: 'Status', code: 502, message: expect.stringContaining('redirect (307)') })
  expect((await kubectl('get', '--raw', maps)).stderr).toContain('redirect (307), which is not followed')
  expect((await create(url)).status).toBe(502)
  expect(trap.hits()).toBe(0)
  expect(unruly.asked.length).toBe(3)
})

test('the credential goes out, and nothing by which the client could be somebody', async () => {
  const { url, unruly } = await start((_, response) => response.end('{}'))
  await fetch(`${url}${maps}`, {
    headers: {
      authorization: 'Bearer mine',
      cookie: 'a=b',
      'impersonate-user': 'system:admin',
      'Impersonate-Extra-x': 'y',
      'x-remote-user': 'root',
      'x-remote-group': 'system:masters',
      'x-forwarded-for': '10.0.0.1',
      'sec-websocket-protocol': 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.bWluZQ',
      'user-agent': 'kubectl/v1.34',
      'x-kept': 'yes',
    },
  })
  const [seen = {}] = unruly.headers
  expect(seen).toMatchObject({ authorization: 'Bearer token-of-first', 'x-kept': 'yes', 'user-agent': 'kubectl/v1.34 telpher/test/1' })
  expect(seen['sec-websocket-protocol']).toBe('v5.channel.k8s.io')
  expect(Object.keys(seen).filter((name) => /impersonate|remote|forwarded|cookie/.test(name))).toEqual([])
})

test('headers that the client calls its hop stay behind', async () => {
  const { port, unruly } = await start((_, response) => response.end('{}'))
  await new Promise<void>((resolve) => {
    const socket = dial(port, '127.0.0.1', () =>
      socket.write(`GET /n0nce${maps} HTTP/1.1\r\nHost: x\r\nX-Hop: 1\r\nConnection: close, X-Hop\r\n\r\n`),
    )
    socket.resume().on('close', resolve)
  })
  expect(unruly.headers[0]).not.toHaveProperty('x-hop')
})

test('a request without the nonce reaches nothing', async () => {
  const { url, unruly, gate } = await start((_, response) => response.end('{}'))
  for (const path of [maps, '/wrong/api', '/n0nceX/api', '/', '//n0nce/api', '/n0nc%65/api']) {
    const answer = await fetch(`${new URL(url).origin}${path}`)
    expect(answer.status).toBe(401)
    await answer.text()
  }
  expect(gate.refusals().length).toBe(6)
  expect(unruly.asked).toEqual([])
})

test('a 401 gets another credential once for all, and the request again', async () => {
  let connection = connect({ server: 'https://unused', ca: '' }, bearer('first'))
  let renewals = 0
  const unruly = await startUnruly((request, response) => {
    if (request.headers.authorization === 'Bearer token-of-second') response.writeHead(201).end(object)
    else response.writeHead(401).end(JSON.stringify({ kind: 'Status', code: 401 }))
  })
  connection = connect(unruly, bearer('first'))
  ends.push(() => unruly.stop())
  const opened = await openGate(unruly, bearer('first'), {
    connection: () => connection,
    renew: async () => {
      renewals++
      connection = connect(unruly, bearer('second'))
    },
  })
  ends.push(() => opened.stop())
  const answers = await Promise.all([create(opened.url), create(opened.url), create(opened.url)])
  expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201])
  expect(renewals).toBe(1)
  expect(opened.stored.map((entry) => entry.credentialId)).toEqual(['second', 'second', 'second'])
})

test('a second 401 is the answer, and a renewal that fails is told', async () => {
  const refused = (_: IncomingMessage, response: ServerResponse): void => void response.writeHead(401).end('{"kind":"Status","code":401}')
  const renewed = await start(refused, { renew: async () => {} })
  expect((await create(renewed.url)).status).toBe(401)
  expect(renewed.unruly.asked.length).toBe(2)
  const none = await start(refused)
  expect((await create(none.url)).status).toBe(401)
  expect(none.unruly.asked.length).toBe(1)
})

test('a server that is not the one that is trusted gets nothing, and the client is told', async () => {
  const { unruly } = await start((_, response) => response.end('{}'))
  const other = await startUnruly((_, response) => response.end('{}'))
  ends.push(() => other.stop())
  const opened = await openGate({ server: unruly.server, ca: other.ca }, bearer('first'))
  ends.push(() => opened.stop())
  const ran = await opened.kubectl('get', '--raw', maps)
  expect(ran.stderr).toMatch(/unable to verify the first certificate.*TEL-1403 target_tls: /)
  expect((await create(opened.url)).status).toBe(502)
  expect(unruly.asked).toEqual([])
  expect(opened.stored).toEqual([])
})

test('a long command passes in the query', async () => {
  const { url, unruly } = await start((_, response) => response.end('{}'))
  const answer = await fetch(`${url}/api/v1/namespaces/dev/pods/a/log?container=${'x'.repeat(100_000)}`)
  expect(answer.status).toBe(200)
  expect(unruly.asked[0]?.length).toBeGreaterThan(100_000)
})

test('a write whose answer is cut is in the ledger as that, and not sent again', async () => {
  const { url, stored, unruly, gate } = await start((request) => request.socket.destroy())
  const answer = await create(url)
  expect(answer.status).toBe(502)
  expect(stored).toMatchObject([{ verb: 'create', code: 0 }])
  expect(unruly.asked).toEqual([`POST ${maps}`])
  expect(gate.openWrites()).toBe(0)
})

test('a command is not started twice: an exec whose answer is cut is not sent again', async () => {
  let asked = 0
  const unruly = await startUnruly(
    () => {},
    (_, socket) => {
      asked++
      socket.destroy()
    },
  )
  ends.push(() => unruly.stop())
  const opened = await openGate(unruly, bearer('first'))
  ends.push(() => opened.stop())
  const head = `GET /n0nce/api/v1/namespaces/dev/pods/a/exec?command=b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`
  expect(await answerTo(opened.port, head)).toMatch(/^HTTP\/1\.1 502 .*target_error/s)
  expect(asked).toBe(1)
  expect(opened.stored).toMatchObject([{ verb: 'connect', subresource: 'exec', code: 0 }])
})

test('an answer that breaks in the middle breaks for the client, and is not called a refusal', async () => {
  const { url, gate } = await start((_, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 })
    response.write('{"kind":', () => response.destroy())
  })
  const answer = await fetch(`${url}${maps}`)
  await expect(answer.text()).rejects.toThrow()
  expect(gate.refusals()).toEqual([])
})

test('a short answer that breaks in the middle is told as what it is', async () => {
  const { url, stored } = await start((_, response) => {
    response.writeHead(200, { 'content-length': 1000 })
    response.write('{"kind":', () => response.destroy())
  })
  const answer = await fetch(`${url}${maps}`)
  expect(await answer.json()).toMatchObject({ kind: 'Status', code: 502, message: expect.stringContaining('broke in the middle') })
  expect((await create(url)).status).toBe(502)
  expect(stored).toMatchObject([{ code: 0 }])
})

test('the answer to a write waits for its entry to be stored', async () => {
  const stored: LedgerEntry[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const { url, gate, unruly } = await start((_, response) => response.writeHead(201).end(object), {
    ledger: { append: async (entries) => promise.then(() => void stored.push(...entries)) },
  })
  let answered = 0
  const answers = [1, 2, 3].map(async () => {
    const answer = await create(url)
    answered++
    return answer.text()
  })
  await eventually(() => gate.entries().length === 3)
  expect([answered, gate.openWrites(), unruly.asked.length]).toEqual([0, 3, 3])
  resolve()
  await Promise.all(answers)
  expect(stored.map((entry) => [entry.n, entry.generation])).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ])
})

test('while the claim is unproven nothing is sent; with the proof it goes on; another attempt ends it', async () => {
  const { url, claim, unruly, gate } = await start((_, response) => response.end(object), { claimMs: 1e9 })
  const reading = fetch(`${url}${maps}`)
  const writing = create(url)
  await eventually(async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    setImmediate(() => resolve(unruly.asked.length === 0 && gate.openWrites() === 0))
    return promise
  })
  claim.renewed(performance.now())
  expect([(await reading).status, (await writing).status]).toEqual([200, 200])
  claim.supersede()
  await expect(create(url)).rejects.toThrow()
  expect(unruly.asked.length).toBe(2)
})

test("what waits when the step's time is over is refused", async () => {
  const time = new AbortController()
  const { url, unruly } = await start((_, response) => response.end(object), { claimMs: 1, signal: time.signal })
  const waiting = create(url)
  await new Promise((resolve) => setImmediate(resolve))
  time.abort(Object.assign(new Error('time is over')))
  const answer = await waiting
  expect(answer.status).toBeGreaterThanOrEqual(500)
  expect(unruly.asked).toEqual([])
})

test('shut ends a request that hangs, and notes the write as cut', async () => {
  const { url, gate, stored } = await start(() => {})
  const hanging = create(url)
  await eventually(() => gate.openWrites() === 1)
  gate.shut('superseded')
  await expect(hanging).rejects.toThrow()
  await gate.settled()
  expect(stored).toMatchObject([{ code: 0, verb: 'create' }])
  expect(gate.openWrites()).toBe(0)
})

test('a client that goes away ends its request at the API server', async () => {
  let closed = false
  const { url, unruly, gate } = await start((_, response) => {
    response.write('{"type":"ADDED"}\n')
    response.on('close', () => {
      closed = true
    })
  })
  const leaving = new AbortController()
  const answer = await fetch(`${url}${maps}?watch=1`, { signal: leaving.signal })
  const reader = answer.body?.getReader()
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('{"type":"ADDED"}\n')
  leaving.abort()
  await eventually(() => closed)
  expect(unruly.asked.length).toBe(1)
  expect(gate.refusals()).toEqual([])
})

test('a slow reader holds back the API server instead of filling memory', async () => {
  let written = 0
  const { port } = await start((_, response) => {
    const chunk = Buffer.alloc(65_536)
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length
      written += chunk.length
      response.once('drain', more)
    }
    more()
  })
  const socket = dial(port, '127.0.0.1', () => socket.write(`GET /n0nce${maps}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n`))
  ends.push(() => socket.destroy())
  socket.pause()
  let before = -1
  await eventually(() => {
    const still = written === before && written > 0
    before = written
    return still
  }, 30_000)
  // Buffers of kernels and streams on three hops; without back-pressure it would never stop.
  expect(written).toBeLessThan(64 * 1024 * 1024)
})

test('other protocols than those of Kubernetes are not switched to', async () => {
  const { port, unruly } = await start((_, response) => response.end('{}'))
  const answer = await answerTo(
    port,
    `GET /n0nce${maps} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  expect(unruly.headers[0]).not.toHaveProperty('upgrade')
  expect(unruly.headers[0]).not.toHaveProperty('http2-settings')
})

test('a write never becomes a stream that is not looked into', async () => {
  const { port, unruly } = await start((_, response) => response.end('{}'))
  const answer = await answerTo(
    port,
    `POST /n0nce/api/v1/namespaces/dev/pods HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  )
  expect(answer).toMatch(/^HTTP\/1\.1 400 .*no stream to switch to/s)
  expect(unruly.asked).toEqual([])
})

test('discovery is asked once, then validated, and asked anew after a CRD was written', async () => {
  const { url, unruly } = await start((request, response) => {
    if (request.method !== 'GET') response.writeHead(201).end('{"kind":"CustomResourceDefinition"}')
    else if (request.headers['if-none-match'] === '"v1"') response.writeHead(304).end()
    else response.writeHead(200, { etag: '"v1"', 'content-type': 'application/json' }).end(`{"accept":"${request.headers.accept}"}`)
  })
  const ask = async (accept: string): Promise<string> => (await fetch(`${url}/apis`, { headers: { accept } })).text()
  expect([await ask('a'), await ask('a'), await ask('b'), await ask('a')]).toEqual([
    '{"accept":"a"}',
    '{"accept":"a"}',
    '{"accept":"b"}',
    '{"accept":"a"}',
  ])
  expect(unruly.asked.length).toBe(2)
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
  expect((await fetch(`${url}${crds}`, { method: 'POST', body: '{}' })).status).toBe(201)
  expect([await ask('a'), await ask('a')]).toEqual(['{"accept":"a"}', '{"accept":"a"}'])
  // The second one is validated, since the server's discovery may not show the CRD yet.
  expect(unruly.asked.length).toBe(5)
})
