import { afterAll, beforeAll, expect, test } from 'vitest'
import { discoveryDocument, documentPaths, keySet } from '../../src/credentials/federation/documents.ts'
import { makeSigningKey, publicKeyOf, type SigningKey } from '../../src/credentials/federation/keys.ts'
import { federationNames } from '../../src/credentials/federation/names.ts'
import { authenticationConfiguration } from '../../src/credentials/federation/trust.ts'
import { federatedMode } from '../../src/credentials/modes/federated.ts'
import type { Mode } from '../../src/credentials/modes/mode.ts'
import { whoIs } from '../../src/credentials/modes/who.ts'
import { createLog } from '../../src/log.ts'
import type { Credential } from '../../src/model/credential.ts'
import { type FederationNames, usernameOf } from '../../src/model/federation.ts'
import { newId } from '../../src/model/ids.ts'
import type { Target } from '../../src/model/target.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { openAccess } from '../../workers/access.ts'
import { openGate, trustOf } from '../integration/gate/harness.ts'
import { type Cloud, cloudIdentity, cloudMode, startCloud } from '../support/cloud.ts'
import { eventually } from '../support/eventually.ts'
import { type HttpsHost, serveHttps } from '../support/https-host.ts'
import { ownCluster } from '../support/sandbox.ts'
import { connector, modeContract, newAttempt, statusWith } from './modes.ts'

const nothing = async (): Promise<readonly string[]> => []
const targetOf = (cluster: Cluster) => ({ server: cluster.server, connect: connector(cluster) })

/** One API server that trusts both: our own issuer and the service that stands for a cloud. */
interface Place {
  readonly cluster: Cluster
  readonly cloud: Cloud
  readonly host: HttpsHost
  readonly names: FederationNames
  readonly keys: readonly [SigningKey, SigningKey]
}

const begin = async (): Promise<Place> => {
  const keys = [await makeSigningKey(), await makeSigningKey()] as const
  let names: FederationNames | undefined
  const host = await serveHttps(async (request, response) => {
    const path = request.url?.replace('/issuers/prod/', '')
    const document = path === documentPaths.discovery ? discoveryDocument(names ?? { issuer: '' }) : keySet({ keys: keys.map(publicKeyOf) })
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document))
  })
  names = federationNames(host.url, newId('srv'), 'prod')
  const cloud = await startCloud()
  const ours = authenticationConfiguration([names], { ca: host.caPem }) as { jwt: object[] }
  const cluster = await ownCluster('none', { authentication: { ...ours, jwt: [...ours.jwt, cloud.authenticator] } })
  const mode = federatedMode(names, keys[0], targetOf(cluster))
  // The API server fetches the documents by itself, and asks again after 10 s when it came too early.
  for (const one of [mode, cloudMode(cloud, { identity: cloudIdentity, cluster: 'this-cluster' }, targetOf(cluster))])
    await eventually(async () => (await statusWith(cluster, await one.mint(newAttempt(), 600_000))) === 200)
  return { cluster, cloud, host, names, keys }
}

const place: Promise<Place> = begin()
afterAll(async () => {
  const { cluster, cloud, host } = await place
  await Promise.all([cluster.stop(), cloud.close(), host.close()])
})
const clusterOf = async (): Promise<Cluster> => (await place).cluster

modeContract(
  'federated',
  async (cluster) => {
    const { names, keys } = await place
    return {
      mode: federatedMode(names, keys[0], targetOf(cluster)),
      mintsAnew: true,
      refused: federatedMode(names, await makeSigningKey(), targetOf(cluster)),
      username: usernameOf(names),
      leftovers: nothing,
    }
  },
  clusterOf,
)

modeContract(
  'cloud',
  async (cluster) => {
    const { cloud } = await place
    return {
      mode: cloudMode(cloud, { identity: cloudIdentity, cluster: 'this-cluster' }, targetOf(cluster)),
      mintsAnew: true,
      refused: cloudMode(cloud, { identity: cloudIdentity, cluster: 'another-cluster' }, targetOf(cluster)),
      username: 'cloud:role/deployer',
      leftovers: nothing,
    }
  },
  clusterOf,
)

let at: Place
let federated: Mode
beforeAll(async () => {
  at = await place
  federated = federatedMode(at.names, at.keys[0], targetOf(at.cluster))
})

test('a federated token lives 10 minutes, whatever was asked, and its id is in the audit log of the API server', async () => {
  const credential = await federated.mint(newAttempt(3), 3_600_000)
  expect(Math.abs((credential.expiresAt ?? 0) - Date.now() - 600_000)).toBeLessThan(2000)
  const connection = connector(at.cluster)(credential)
  expect(await whoIs({ server: at.cluster.server, connection })).toEqual({
    username: usernameOf(at.names),
    credentialId: `JTI=${credential.id}`,
  })
  connection.close()
})

test('both published keys are taken, so that one can follow the other', async () => {
  const next = federatedMode(at.names, at.keys[1], targetOf(at.cluster))
  expect(await next.verify()).toMatchObject({ username: usernameOf(at.names) })
})

const otherwise: readonly (readonly [string, (names: FederationNames) => FederationNames])[] = [
  [
    'another target',
    ({ issuer, audience, subject }) => ({ issuer: issuer.replace('prod', 'test'), audience, subject: subject.replace('prod', 'test') }),
  ],
  ['another installation', (names) => ({ ...names, subject: `${newId('srv')}:prod` })],
  ['another audience', (names) => ({ ...names, audience: 'telpher/test' })],
]
test.each(otherwise)('a token of %s is refused, though our key signed it', async (_, change) => {
  const mode = federatedMode(change(at.names), at.keys[0], targetOf(at.cluster))
  await expect(mode.verify()).rejects.toMatchObject({ code: 'target_unauthorized' })
})

test('a running program never sees that credentials of minutes are renewed at half of their life', async () => {
  const { cluster, cloud } = at
  const mode = cloudMode(cloud, { identity: cloudIdentity, cluster: 'this-cluster' }, targetOf(cluster))
  cloud.live(6)
  const attempt = newAttempt()
  const mint = (): Promise<Credential> => mode.mint(attempt, 600_000)
  const first = await mint()
  const access = await openAccess({
    grants: { grant: async () => ({ credential: first, renewable: mode.renewable, renew: mint, end: () => mode.revoke(attempt) }) },
    cluster: { connect: (_, credential) => connector(cluster)(credential) },
    target: { name: 'prod' } as Target,
    attempt,
    lifetimeMs: 600_000,
    onSecret: () => {},
    onRevoked: () => {},
    log: createLog('error'),
  })
  // Without `renew`: a 401 would be seen, instead of being mended by another token.
  const opened = await openGate(trustOf(cluster), first, { connection: access.current })
  const before = cloud.minted()
  const codes = new Set<number>()
  await eventually(async () => {
    const answer = await fetch(`${opened.url}/api/v1/namespaces/default/pods`)
    await answer.body?.cancel()
    codes.add(answer.status)
    return cloud.minted() - before >= 4
  })
  // It is nobody's there (403), and known all along: each token lives 6 s, and 4 were needed.
  expect([...codes]).toEqual([403])
  await Promise.all([opened.stop(), access.end()])
  cloud.live(900)
})
