import { randomUUID } from 'node:crypto'
import { connect } from '../../src/cluster/connection.ts'
import { setupObjects } from '../../src/credentials/bootstrap/objects.ts'
import { tokenRequestMode } from '../../src/credentials/modes/token-request.ts'
import { isTaken } from '../../src/credentials/modes/who.ts'
import type { Credential } from '../../src/model/credential.ts'
import type { AttemptRef } from '../../src/model/deployment.ts'
import { newId } from '../../src/model/ids.ts'
import type { ClusterConnection } from '../../src/model/ports.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { type Figure, median, rounded, timed } from './figures.ts'
import { pipeSuite, startPipedWay } from './pipe.ts'
import { rewrapSuite } from './rewrap.ts'

/** Minting is quick and varies: more of them than of what takes seconds. */
const mintsPerRun = 20

const newAttempt = (): AttemptRef => ({ deploymentId: newId('dep'), jobId: newId('job'), attempt: 1 })

/**
 * `token.mint_p50_ms`: the Secret and its token, over a connection that stands, through the pipe; `token.mint_direct_p50_ms`: without it. `revoke.to_401_s`: from asking for the deletion of the
 * Secret to the first refusal of a token that was in use; the API server's cache of 10 s is most of it.
 */
export const credentialsSuite = async (cluster: Cluster, runs: number): Promise<Figure[]> => {
  const name = `bench-${randomUUID().slice(0, 8)}`
  await cluster.apply(...setupObjects({ target: name, home: name, namespaces: ['default'], clusterWide: false }))
  const token = await cluster.serviceAccountToken(name, `bootstrap-${name}`)
  const connectAs = (credential: Credential): ClusterConnection => connect({ server: cluster.server, ca: cluster.caPem }, credential)
  const bootstrap: Credential = { id: 'bootstrap', kind: 'bearer', token: new Secret(token) }
  const modeOver = (connect: typeof connectAs) =>
    tokenRequestMode({
      server: cluster.server,
      bootstrap: connect(bootstrap),
      connect,
      namespace: name,
      serviceAccount: `deployer-${name}`,
      installation: newId('srv'),
    })
  const way = await startPipedWay(cluster)
  const mode = modeOver(connectAs)
  const piped = modeOver(way.connect)
  const minted: AttemptRef[] = []
  const mint = async (by = mode): Promise<{ attempt: AttemptRef; credential: Credential }> => {
    const attempt = newAttempt()
    minted.push(attempt)
    return { attempt, credential: await by.mint(attempt, 600_000) }
  }
  await Promise.all([mint(), mint(piped)])
  const mints = await timed(runs * mintsPerRun, () => mint())
  const pipedMints = await timed(runs * mintsPerRun, () => mint(piped))
  const added = await pipeSuite(cluster, way, bootstrap, runs)
  await way.stop()
  const revocations = await timed(runs, async () => {
    const { attempt, credential } = await mint()
    const connection = connectAs(credential)
    const asked = { server: cluster.server, connection }
    if (!(await isTaken(asked))) throw new Error('a new token is refused')
    await mode.revoke(attempt)
    while (await isTaken(asked)) await new Promise((resolve) => setTimeout(resolve, 50))
    connection.close()
  })
  for (const attempt of minted) await mode.revoke(attempt)
  return [
    { id: 'token.mint_p50_ms', value: rounded(median(pipedMints)), unit: 'ms', runs: pipedMints.length },
    { id: 'token.mint_direct_p50_ms', value: rounded(median(mints)), unit: 'ms', runs: mints.length },
    added,
    await rewrapSuite(runs),
    { id: 'revoke.to_401_s', value: rounded(median(revocations) / 1000), unit: 's', runs },
  ]
}
