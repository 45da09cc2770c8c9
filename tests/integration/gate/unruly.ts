import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAuthority } from '../../../src/sandbox/kubernetes/pki.ts'

export interface Unruly {
  readonly server: string
  readonly ca: string
  /** Requests that it got, as `METHOD path`. */
  readonly asked: string[]
  readonly headers: IncomingMessage['headers'][]
  stop(): void
}

/**
 * A double of an API server for what a real one never does, or not when it is asked to: the test says how each request is
 * answered. It knows nothing of Kubernetes.
 */
export const startUnruly = async (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<Unruly> => {
  const authority = createAuthority('unruly')
  const { certPem, keyPem } = authority.issue({ commonName: 'unruly', hosts: ['127.0.0.1'] })
  const asked: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const server = createTlsServer({ cert: certPem, key: keyPem, maxHeaderSize: 1024 * 1024 }, (request, response) => {
    asked.push(`${request.method} ${request.url}`)
    headers.push(request.headers)
    answer(request, response)
  })
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.certPem,
    asked,
    headers,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A server on the loopback that is told to send elsewhere must never be asked. */
export const startTrap = async (): Promise<{ url: string; readonly hits: () => number; stop(): void }> => {
  let hits = 0
  const server = createServer((_, response) => {
    hits++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hits: () => hits, stop: () => server.close() }
}
