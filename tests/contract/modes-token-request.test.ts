import { beforeAll, expect, test } from 'vitest'
import type { Mode } from '../../src/credentials/modes/mode.ts'
import { tokenRequestMode } from '../../src/credentials/modes/token-request.ts'
import { whoIs } from '../../src/credentials/modes/who.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { fetchAs, setUp } from '../support/bootstrap.ts'
import { eventually } from '../support/eventually.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'
import { bearer, connector, modeContract, newAttempt, statusWith } from './modes.ts'

const installation = 'srv_01JD0000000000000000000000'

interface Place {
  readonly cluster: Cluster
  readonly home: string
  readonly namespace: string
  readonly token: string
  readonly mode: Mode
  modeWith(token: string): Mode
}

const begin = async (cluster: Cluster): Promise<Place> => {
  const [home, namespace] = [await freshNamespace(cluster), await freshNamespace(cluster)]
  // Policies are cluster-wide: each place has its own by its name.
  const { token, serviceAccount } = await setUp(cluster, { target: home, home, namespaces: [namespace], clusterWide: false })
  const connect = connector(cluster)
  const modeWith = (with_: string): Mode =>
    tokenRequestMode({ server: cluster.server, bootstrap: connect(bearer(with_)), connect, namespace: home, serviceAccount, installation })
  return { cluster, home, namespace, token, mode: modeWith(token), modeWith }
}

const secretsIn = async ({
  cluster,
  home,
}: Place): Promise<readonly { name: string; labels: Record<string, string>; type: string; data?: object }[]> => {
  const { items } = JSON.parse((await cluster.api('GET', `/api/v1/namespaces/${home}/secrets`)).body) as {
    items: { metadata: { name: string; labels: Record<string, string> }; type: string; data?: object }[]
  }
  return items.map(({ metadata, type, data }) => ({
    name: metadata.name,
    labels: metadata.labels,
    type,
    ...(data === undefined ? {} : { data }),
  }))
}

modeContract('token-request', async (cluster) => {
  const place = await begin(cluster)
  return {
    mode: place.mode,
    mintsAnew: true,
    refused: place.modeWith(`${place.token.slice(0, -8)}AAAAAAAA`),
    username: `system:serviceaccount:${place.home}:deployer-${place.home}`,
    leftovers: async ({ jobId }) =>
      (await secretsIn(place)).filter(({ labels }) => labels['telpher.dev/job'] === jobId).map(({ name }) => name),
  }
})

let place: Place
beforeAll(async () => {
  place = await begin(await sharedCluster('none'))
})

test('a token is bound to an empty Secret that says whose it is, and lives as long as was asked', async () => {
  const attempt = newAttempt(3)
  const credential = await place.mode.mint(attempt, 1_200_000)
  const [secret] = (await secretsIn(place)).filter(({ labels }) => labels['telpher.dev/job'] === attempt.jobId)
  expect(secret).toEqual({
    name: `telpher-${attempt.jobId.toLowerCase().replace('_', '-')}-3`,
    type: 'telpher.dev/attempt',
    labels: {
      'telpher.dev/installation': installation,
      'telpher.dev/deployment': attempt.deploymentId,
      'telpher.dev/job': attempt.jobId,
      'telpher.dev/attempt': '3',
    },
  })
  expect(Math.abs((credential.expiresAt ?? 0) - Date.now() - 1_200_000)).toBeLessThan(5000)
  await place.mode.revoke(attempt)
})

test('its id is the one that the API server writes into its audit log', async () => {
  const attempt = newAttempt()
  const credential = await place.mode.mint(attempt, 600_000)
  const connection = connector(place.cluster)(credential)
  expect(await whoIs({ server: place.cluster.server, connection })).toMatchObject({ credentialId: `JTI=${credential.id}` })
  connection.close()
  await place.mode.revoke(attempt)
})

test('a renewed token and the first one end together', async () => {
  const attempt = newAttempt()
  const [first, second] = [await place.mode.mint(attempt, 600_000), await place.mode.mint(attempt, 600_000)]
  expect((await secretsIn(place)).filter(({ labels }) => labels['telpher.dev/job'] === attempt.jobId)).toHaveLength(1)
  await place.mode.revoke(attempt)
  await eventually(async () => (await statusWith(place.cluster, first)) === 401 && (await statusWith(place.cluster, second)) === 401)
})

test('an attempt that somebody else revoked gets nothing more, and its Secret does not come back', async () => {
  const attempt = newAttempt()
  await place.mode.mint(attempt, 600_000)
  await place.modeWith(place.token).revoke(attempt)
  await expect(place.mode.mint(attempt, 600_000)).rejects.toMatchObject({ code: 'grant_revoked' })
  expect((await secretsIn(place)).filter(({ labels }) => labels['telpher.dev/job'] === attempt.jobId)).toEqual([])
})

test('a Secret whose making was not answered is replaced: nobody keeps a token bound to it', async () => {
  const attempt = newAttempt()
  const lost = await place.modeWith(place.token).mint(attempt, 600_000)
  const credential = await place.mode.mint(attempt, 600_000)
  expect(await statusWith(place.cluster, credential)).toBe(200)
  await eventually(async () => (await statusWith(place.cluster, lost)) === 401)
  expect(await statusWith(place.cluster, credential)).toBe(200)
  await place.mode.revoke(attempt)
})

test('only attempts of this installation are outstanding, each with its age', async () => {
  const attempt = newAttempt(2)
  await place.mode.mint(attempt, 600_000)
  await place.cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'another', namespace: place.home, labels: { 'telpher.dev/installation': installation } },
  })
  const found = await place.mode.outstanding()
  expect(found).toEqual([{ attempt, ageMs: expect.any(Number) }])
  expect(found[0]?.ageMs).toBeLessThan(20_000)
  await place.mode.revoke(attempt)
  await place.cluster.kubectl('delete', 'secret', 'another', '-n', place.home)
})

test('however many are outstanding, all are found', async () => {
  const attempts = Array.from({ length: 230 }, () => newAttempt())
  for (let at = 0; at < attempts.length; at += 10)
    await Promise.all(attempts.slice(at, at + 10).map((attempt) => place.mode.mint(attempt, 600_000)))
  const found = await place.mode.outstanding()
  expect(new Set(found.map(({ attempt }) => attempt.jobId))).toEqual(new Set(attempts.map(({ jobId }) => jobId)))
  for (let at = 0; at < attempts.length; at += 10)
    await Promise.all(attempts.slice(at, at + 10).map((attempt) => place.mode.revoke(attempt)))
  expect(await place.mode.outstanding()).toEqual([])
})

test('an account that is gone is said by its name', async () => {
  const connect = connector(place.cluster)
  const mode = tokenRequestMode({
    server: place.cluster.server,
    bootstrap: connect({
      id: 'admin',
      kind: 'client-certificate',
      certificate: place.cluster.admin.certPem,
      key: new Secret(place.cluster.admin.keyPem),
    }),
    connect,
    namespace: place.home,
    serviceAccount: 'nobody',
    installation,
  })
  await expect(mode.mint(newAttempt(), 600_000)).rejects.toMatchObject({ code: 'mint_refused', message: expect.stringContaining('nobody') })
  expect(await mode.outstanding()).toEqual([])
})

const tokens = (): string => `/api/v1/namespaces/${place.home}/serviceaccounts`
const secrets = (): string => `/api/v1/namespaces/${place.home}/secrets`
const asBootstrap = (method: string, path: string, body?: object) => fetchAs(place.cluster, place.token, method, path, body)
const tokenRequest = (spec: object): object => ({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec })
const ownTokens = (): string => `${tokens()}/bootstrap-${place.home}/token`
const boundTo = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', name })
const secret = (more: object): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'x', annotations: { 'kubernetes.io/service-account.name': `deployer-${place.home}` } },
  ...more,
})

test.each<readonly [string, () => readonly [string, string, object?]]>([
  [
    'mint a token that is bound to nothing',
    () => ['POST', `${tokens()}/deployer-${place.home}/token`, tokenRequest({ expirationSeconds: 600 })],
  ],
  [
    'mint a token for longer than an hour and some',
    () => [
      'POST',
      `${tokens()}/deployer-${place.home}/token`,
      tokenRequest({ expirationSeconds: 4000, boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name: 'x' } }),
    ],
  ],
  ['mint a token of itself that is bound to nothing', () => ['POST', ownTokens(), tokenRequest({ expirationSeconds: 600 })]],
  [
    'mint a token of itself for longer than a week',
    () => ['POST', ownTokens(), tokenRequest({ expirationSeconds: 604_801, boundObjectRef: boundTo(`bootstrap-${place.home}.v2`) })],
  ],
  [
    'mint a token of itself that is bound to a Secret of an attempt',
    () => ['POST', ownTokens(), tokenRequest({ expirationSeconds: 600, boundObjectRef: boundTo('telpher-job-x-1') })],
  ],
  [
    'mint a token of itself that is bound to a pod',
    () => [
      'POST',
      ownTokens(),
      tokenRequest({ expirationSeconds: 600, boundObjectRef: { ...boundTo(`bootstrap-${place.home}.v2`), kind: 'Pod' } }),
    ],
  ],
  [
    'mint a token of the deployer for as long as its own',
    () => [
      'POST',
      `${tokens()}/deployer-${place.home}/token`,
      tokenRequest({ expirationSeconds: 604_800, boundObjectRef: boundTo(`bootstrap-${place.home}.v2`) }),
    ],
  ],
  [
    'make a Secret for the tokens of another identity',
    () => ['POST', secrets(), secret({ type: 'telpher.dev/bootstrap', metadata: { name: 'bootstrap-other.v2' } })],
  ],
  [
    'make one for its own under a name that a target may have',
    () => ['POST', secrets(), secret({ type: 'telpher.dev/bootstrap', metadata: { name: `bootstrap-${place.home}-v2` } })],
  ],
  ['mint a token of another account', () => ['POST', `${tokens()}/default/token`, tokenRequest({ expirationSeconds: 600 })]],
  ['make a token Secret that never expires', () => ['POST', secrets(), secret({ type: 'kubernetes.io/service-account-token' })]],
  ['make a Secret with something in it', () => ['POST', secrets(), secret({ type: 'telpher.dev/attempt', stringData: { a: 'b' } })]],
  ['make a Secret of another type', () => ['POST', secrets(), secret({ type: 'Opaque' })]],
  ['make a Secret elsewhere', () => ['POST', `/api/v1/namespaces/${place.namespace}/secrets`, secret({ type: 'telpher.dev/attempt' })]],
  ['read Secrets elsewhere', () => ['GET', `/api/v1/namespaces/${place.namespace}/secrets`]],
  ['read all Secrets', () => ['GET', '/api/v1/secrets']],
  ['read pods where it deploys', () => ['GET', `/api/v1/namespaces/${place.namespace}/pods`]],
  ['change a role', () => ['PUT', `/apis/rbac.authorization.k8s.io/v1/namespaces/${place.home}/roles/bootstrap-${place.home}`, {}]],
  ['bind a role', () => ['POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${place.home}/rolebindings`, {}]],
  ['remove a policy', () => ['DELETE', `/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/telpher-${place.home}-secrets`]],
])('the bootstrap identity cannot %s', async (_, request) => {
  const answer = await asBootstrap(...request())
  expect([403, 422], answer.body).toContain(answer.status)
})

test('the bootstrap identity cannot delete a Secret that is not of an attempt', async () => {
  await place.cluster.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'precious', namespace: place.home }, type: 'Opaque' })
  const answer = await asBootstrap('DELETE', `${secrets()}/precious`)
  expect([answer.status, answer.body]).toEqual([422, expect.stringContaining('telpher: only Secrets of type telpher.dev/attempt')])
})

test('the bootstrap identity mints its own next token, and cannot end that of another target in the same home', async () => {
  const own = `bootstrap-${place.home}.v2`
  const made = await asBootstrap('POST', secrets(), {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'telpher.dev/bootstrap',
    metadata: { name: own },
  })
  expect(made.status, made.body).toBe(201)
  const asked = tokenRequest({ expirationSeconds: 604_800, boundObjectRef: boundTo(own) })
  expect((await asBootstrap('POST', ownTokens(), asked)).status).toBe(201)
  expect((await asBootstrap('DELETE', `${secrets()}/${own}`)).status).toBe(200)
  for (const name of ['bootstrap-other', 'bootstrap-other.v2', `bootstrap-${place.home}-eu.v2`]) {
    const secretOf = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: place.home }, type: 'telpher.dev/bootstrap' }
    await place.cluster.apply(secretOf)
    const refused = await asBootstrap('DELETE', `${secrets()}/${name}`)
    expect([refused.status, refused.body]).toEqual([422, expect.stringContaining('and its own of type telpher.dev/bootstrap')])
  }
})

test('a deployer can do in its namespace what steps need, and nothing beside', async () => {
  const attempt = newAttempt()
  const credential = await place.mode.mint(attempt, 600_000)
  const token = credential.kind === 'bearer' ? credential.token.reveal() : ''
  const as = async (method: string, path: string, body?: object): Promise<number> =>
    (await fetchAs(place.cluster, token, method, path, body)).status
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } }
  expect(await as('POST', `/api/v1/namespaces/${place.namespace}/configmaps`, map)).toBe(201)
  expect(await as('GET', `/apis/apps/v1/namespaces/${place.namespace}/deployments`)).toBe(200)
  expect(await as('POST', '/api/v1/namespaces/default/configmaps', map)).toBe(403)
  expect(await as('GET', '/api/v1/secrets')).toBe(403)
  expect(await as('GET', secrets())).toBe(403)
  expect(await as('POST', `/apis/rbac.authorization.k8s.io/v1/namespaces/${place.namespace}/rolebindings`, {})).toBe(403)
  await place.mode.revoke(attempt)
})
