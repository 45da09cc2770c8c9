import { text } from 'node:stream/consumers'
import { connect } from '../../src/cluster/connection.ts'
import { type SetupOptions, setupObjects } from '../../src/credentials/bootstrap/objects.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { eventually } from './eventually.ts'

/**
 * What `target add` makes in a cluster, made by its admin. Policies take a moment until they are in force.
 * @returns a token of the bootstrap identity, and its service account
 */
export const setUp = async (
  cluster: Cluster,
  options: SetupOptions,
): Promise<{ token: string; namespace: string; serviceAccount: string }> => {
  await cluster.apply(...setupObjects(options))
  const [bootstrap, serviceAccount] = [`bootstrap-${options.target}`, `deployer-${options.target}`]
  const token = await cluster.serviceAccountToken(options.home, bootstrap)
  const probe = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'probe' }, type: 'Opaque' }
  await eventually(async () => {
    const answer = await fetchAs(cluster, token, 'POST', `/api/v1/namespaces/${options.home}/secrets?dryRun=All`, probe)
    return answer.status === 422 || answer.status === 403 ? answer.body.includes('telpher:') : false
  })
  return { token, namespace: options.home, serviceAccount }
}

/** A request with a bearer token. */
export const fetchAs = async (
  cluster: Pick<Cluster, 'server' | 'caPem'>,
  token: string,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: string }> => {
  const connection = connect({ server: cluster.server, ca: cluster.caPem }, { id: 'test', kind: 'bearer', token: new Secret(token) })
  try {
    const answer = await connection.request({
      method,
      path,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, body: await text(answer.body) }
  } finally {
    connection.close()
  }
}
