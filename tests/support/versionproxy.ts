import { once } from 'node:events'
import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { kubeconfig } from '../../src/sandbox/kubernetes/kubeconfig.ts'
import { createAuthority } from '../../src/sandbox/kubernetes/pki.ts'

/** The real API server, but for what it says its version is. */
export interface VersionProxy {
  /** Contents of a kubeconfig for it. */
  readonly kubeconfig: string
  /** The version that it says from now on. */
  says(version: string): void
  stop(): void
}

/**
 * In front of a cluster: every request is passed on as the admin, `/version` is answered here. A cluster of every minor version
 * cannot be had, and what a server says is all that the choice of an image goes by.
 */
export const versionProxy = async (cluster: Pick<Cluster, 'server' | 'caPem' | 'admin'>, version: string): Promise<VersionProxy> => {
  const authority = createAuthority('version proxy')
  const { certPem, keyPem } = authority.issue({ commonName: 'version proxy', hosts: ['127.0.0.1'] })
  let said = version
  const server = createServer({ cert: certPem, key: keyPem }, (incoming, outgoing) => {
    if (incoming.url === '/version') {
      const [major, minor] = said.replace(/^v/, '').split('.')
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ gitVersion: said, major, minor }))
      return
    }
    const { authorization: _, ...headers } = incoming.headers
    const tls = { ca: cluster.caPem, cert: cluster.admin.certPem, key: cluster.admin.keyPem }
    const passed = request(`${cluster.server}${incoming.url}`, { method: incoming.method, headers, ...tls }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    kubeconfig: kubeconfig(url, authority.certPem, 'admin', cluster.admin),
    says: (next) => {
      said = next
    },
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
