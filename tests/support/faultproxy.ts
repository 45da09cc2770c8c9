import { once } from 'node:events'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'

/** What may happen to a request on its way: `lost` reaches the API server, and its answer nobody. */
export type ProxyFault = '500' | '503' | '429' | '401' | 'redirect' | 'silent' | 'cut' | 'lost'

export interface FaultProxy {
  readonly server: string
  readonly ca: string
  /** Requests that came, and those that met a fault. */
  asked(): number
  faulty(): number
  /** Where redirects lead; a test sees that nobody follows. */
  readonly elsewhere: readonly string[]
  stop(): void
}

const status = (code: number): string =>
  JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'a fault of the test', code })

/**
 * In front of a real API server: each request is passed on as it is, unless the fault that is chosen for it meets it.
 * @param choose the fault of the next request; undefined for none
 * @param options.skewMs how much later than it is the clock of the answers says it is
 */
export const faultProxy = async (
  cluster: Pick<Cluster, 'server' | 'caPem'>,
  choose: (method: string, path: string) => ProxyFault | undefined,
  { skewMs = 0 }: { readonly skewMs?: number } = {},
): Promise<FaultProxy> => {
  const authority = createAuthority('fault proxy')
  const { certPem, keyPem } = authority.issue({ commonName: 'fault proxy', hosts: ['127.0.0.1'] })
  const elsewhere: string[] = []
  let [asked, faulty] = [0, 0]
  const server = createServer({ cert: certPem, key: keyPem }, (incoming, outgoing) => {
    const { method = 'GET', url = '/', headers } = incoming
    if (url.startsWith('/elsewhere')) elsewhere.push(headers.authorization ?? '')
    asked++
    const fault = choose(method, url)
    if (fault !== undefined) faulty++
    if (fault === 'silent') return void incoming.resume()
    if (fault === 'cut') return void incoming.socket.destroy()
    if (fault === 'redirect') return void outgoing.writeHead(307, { location: '/elsewhere' }).end()
    if (fault !== undefined && fault !== 'lost') {
      outgoing.writeHead(Number(fault), { 'content-type': 'application/json' }).end(status(Number(fault)))
      return
    }
    const passed = request(
      `${cluster.server}${url}`,
      { method, headers: { ...headers, host: new URL(cluster.server).host }, ca: cluster.caPem },
      (answer) => {
        if (fault === 'lost') {
          answer.resume().on('end', () => incoming.socket.destroy())
          return
        }
        const date = new Date(Date.parse(answer.headers.date ?? '') + skewMs).toUTCString()
        outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, date })
        answer.pipe(outgoing)
      },
    )
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  })
  server.on('clientError', (_, socket) => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.certPem,
    asked: () => asked,
    faulty: () => faulty,
    elsewhere,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
