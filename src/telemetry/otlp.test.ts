import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../tests/support/eventually.ts'
import { startOtlp } from './otlp.ts'
import type { Span } from './otlp-types.ts'

const span = (name: string): Span => ({
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  name,
  kind: 'internal',
  startedAt: 1000,
  endedAt: 2000,
  attributes: { count: 3, part: 0.5, well: true },
})

/** A receiver that answers with these, the last one from then on. */
const receive = async (...statuses: number[]) => {
  const bodies: { path: string; headers: Record<string, unknown>; body: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    bodies.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() })
    response.writeHead((statuses.length > 1 ? statuses.shift() : statuses[0]) ?? 200).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const start = (url: string) => {
  const seen = { dropped: 0, lines: [] as object[] }
  const otlp = startOtlp({
    config: {
      tracesUrl: `${url}/v1/traces`,
      headers: { 'x-tenant': 'a' },
      timeoutMs: 2000,
      intervalMs: 60_000,
      delayMs: 20,
      resource: { 'service.name': 't' },
    },
    resource: { 'service.instance.id': 'x' },
    version: '1.0.0',
    onDropped: (count) => {
      seen.dropped += count
    },
    log: (line) => seen.lines.push(line),
  })
  onTestFinished(() => otlp.close())
  return { otlp, seen }
}

test('spans go together, with the headers and the resource, in the JSON form of the protocol', async () => {
  const { bodies, url } = await receive(200)
  const { otlp } = start(url)
  otlp.span(span('one'))
  otlp.span(span('two'))
  const sent = await eventually(() => bodies[0])
  expect([sent.path, sent.headers['x-tenant'], sent.headers['content-type']]).toEqual(['/v1/traces', 'a', 'application/json'])
  const [resource] = (JSON.parse(sent.body) as { resourceSpans: { scopeSpans: { spans: object[] }[]; resource: object }[] }).resourceSpans
  expect(resource?.resource).toEqual({
    attributes: [
      { key: 'service.name', value: { stringValue: 't' } },
      { key: 'service.instance.id', value: { stringValue: 'x' } },
      { key: 'service.version', value: { stringValue: '1.0.0' } },
    ],
  })
  expect(resource?.scopeSpans[0]?.spans).toMatchObject([
    {
      name: 'one',
      kind: 1,
      startTimeUnixNano: '1000000000',
      endTimeUnixNano: '2000000000',
      attributes: [
        { key: 'count', value: { intValue: '3' } },
        { key: 'part', value: { doubleValue: 0.5 } },
        { key: 'well', value: { boolValue: true } },
      ],
    },
    { name: 'two' },
  ])
})

test('what a receiver cannot take now is sent again, what it refuses is dropped and counted, and its trouble is logged once', async () => {
  const again = await receive(503, 200)
  const first = start(again.url)
  first.otlp.span(span('one'))
  await eventually(() => again.bodies.length === 2)
  expect(again.bodies[1]?.body).toBe(again.bodies[0]?.body)
  expect(first.seen).toEqual({ dropped: 0, lines: [expect.objectContaining({ level: 'warn' })] })

  const never = await receive(400)
  const second = start(never.url)
  second.otlp.span(span('one'))
  await eventually(() => second.seen.dropped === 1)
})

test('with nobody there no more waits than there is room for, nothing is thrown, and the end comes in time', async () => {
  const { otlp, seen } = start('http://127.0.0.1:1')
  for (let n = 0; n < 3000; n++) otlp.span(span(`s${n}`))
  expect(seen.dropped).toBe(3000 - 2048)
  const began = performance.now()
  await otlp.close()
  expect(performance.now() - began).toBeLessThan(4000)
  expect(seen.dropped).toBe(3000)
})
