import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Health {
  readonly port: number
  close(): Promise<void>
}

/**
 * The worker's health endpoints: /livez has no dependencies, /readyz says whether it takes work.
 * @param port 0 for a free one
 * @param ready why it is not ready, or undefined when it is
 */
export const serveHealth = async (port: number, ready: () => string | undefined): Promise<Health> => {
  const server = createServer((request, response) => {
    const reason = request.url === '/readyz' ? ready() : undefined
    if (request.url !== '/livez' && request.url !== '/readyz') response.writeHead(404).end('not found\n')
    else response.writeHead(reason === undefined ? 200 : 503, { 'content-type': 'text/plain' }).end(`${reason ?? 'ok'}\n`)
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  await promise
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
