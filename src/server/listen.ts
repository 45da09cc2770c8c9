import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { TelpherError } from '../model/errors.ts'

export interface Listener {
  readonly url: string
  /** Takes no more requests, lets those that run end for a while, then cuts them. Streams must be ended by who serves them. */
  close(graceMs?: number): Promise<void>
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: choose another port with TELPHER_PORT',
  EACCES: 'this user may not listen there: choose a port above 1023 with TELPHER_PORT',
  EADDRNOTAVAIL: 'this machine has no such address: see TELPHER_HOST',
  ENOTFOUND: 'there is no such host: see TELPHER_HOST',
}

const refusal = (error: NodeJS.ErrnoException, host: string, port: number): Error => {
  const reason = reasons[error.code ?? '']
  return reason === undefined
    ? error
    : new TelpherError('invalid_input', `${host}:${port}: ${reason}`, { field: 'TELPHER_PORT', cause: error })
}

/**
 * Serves an app on an address.
 * @param options.port 0 for a free one
 * @throws TelpherError invalid_input when the address cannot be listened on
 */
export const listen = (
  app: { fetch(request: Request): Response | Promise<Response> },
  options: { readonly host: string; readonly port: number },
): Promise<Listener> =>
  new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port }, (address: AddressInfo) => {
      const host = options.host.includes(':') ? `[${options.host}]` : options.host
      resolve({
        url: `http://${host}:${address.port}`,
        close: (graceMs = 3000) =>
          new Promise((done) => {
            const cut = setTimeout(() => (server as Server).closeAllConnections(), graceMs)
            server.close(() => {
              clearTimeout(cut)
              done()
            })
            ;(server as Server).closeIdleConnections()
          }),
      })
    })
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusal(error, options.host, options.port)))
  })
