import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll } from 'vitest'
import { type ReadInstrument, type ReadSpan, readInstruments, readTraces } from './promcheck.ts'

/**
 * A double of an OpenTelemetry collector's receiver: it takes what is sent over HTTP and keeps it. What that means is read by the collector's
 * own code (promcheck/main.go).
 * @returns asks for it, from within a test; `url` also from hooks after this one
 */
export const createReceiver = (): {
  url(): string
  traces(): Promise<readonly ReadSpan[]>
  instruments(): Promise<readonly ReadInstrument[]>
} => {
  const kept: { readonly path: string; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    kept.push({ path: request.url ?? '', body: Buffer.concat(chunks).toString() })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })
  const bodies = (path: string): readonly string[] => kept.filter((one) => one.path === path).map(({ body }) => body)
  return {
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    traces: async () => (await Promise.all(bodies('/v1/traces').map(readTraces))).flat(),
    // Each sending tells everything anew: the last few are enough.
    instruments: async () => (await Promise.all(bodies('/v1/metrics').slice(-4).map(readInstruments))).flat(),
  }
}
