import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'

/** A web server with a certificate of an authority of its own. */
export interface HttpsHost {
  /** https:// address without a slash at its end. */
  readonly url: string
  readonly caPem: string
  close(): Promise<void>
}

/** @param handle each request; what it throws is answered with 500 */
export const serveHttps = async (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<HttpsHost> => {
  const authority = createAuthority('a host of the tests')
  const { certPem, keyPem } = authority.issue({ commonName: 'localhost', hosts: ['localhost', '127.0.0.1'] })
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caPem: authority.certPem,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What a proxy with a certificate does that stands before the server. @param upstream where it is, read at each request */
export const forwardTo =
  (upstream: () => string) =>
  async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = await fetch(`${upstream()}${request.url ?? '/'}`)
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    response.end(await answer.text())
  }
