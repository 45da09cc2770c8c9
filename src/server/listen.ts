import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'

export interface Listener {
  readonly url: string
  /** Takes no more requests and ends those that stream. */
  close(): Promise<void>
}

/**
 * Serves an app on an address.
 * @param options.port 0 for a free one
 * @throws Error of node:net, such as EADDRINUSE
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
        close: () =>
          new Promise((done) => {
            server.close(() => done())
            ;(server as Server).closeAllConnections()
          }),
      })
    })
    server.once('error', reject)
  })
