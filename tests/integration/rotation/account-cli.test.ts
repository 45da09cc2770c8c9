import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccountState } from '../../../src/model/account.ts'
import { eventually } from '../../support/eventually.ts'
import { ownSecretsIn, rotating, statusOf, usedToken } from '../../support/rotating.ts'
import { rotationScene } from '../../support/rotation-scene.ts'
import { freshNamespace } from '../../support/sandbox.ts'
import { createTestCli, type Ran, type TestCli } from '../cli/cli.ts'
import { newTarget, type ServedApi, serveApi } from '../server/api.ts'

const scene = rotationScene()
const { key, begin } = scene
let served: ServedApi
let cli: TestCli
let loop: ReturnType<typeof rotating>
beforeAll(async () => {
  served = await serveApi({ redisUrl: scene.redis.url, key })
  cli = await createTestCli(served)
  loop = rotating(served.store, key)
})
afterAll(async () => {
  await loop.stop()
  await served.close()
})

const status = async (name: string): Promise<{ state: AccountState; ran: Ran }> => {
  const ran = await cli.run(['account', 'status', name, '-o', 'json'])
  return { state: JSON.parse(ran.stdout) as AccountState, ran }
}

test.concurrent('rotate waits for the refusal of the old one, and status says all of it', async () => {
  const { cluster } = scene
  const { name } = await begin()
  const old = await usedToken(served.store, name, key)
  const ran = await cli.run(['account', 'rotate', name])
  expect([ran.code, ran.stdout]).toEqual([0, `${name}: version 2 is used, and the one before it is refused\n`])
  expect(await statusOf(cluster, old)).toBe(401)
  const { state } = await status(name)
  expect(state).toMatchObject({ mode: 'token-request', version: 2, state: 'stable', alarms: [], answer: { ok: true } })
  expect(state.expiresAt).toBeGreaterThan(Date.now() + 6 * 86_400_000)
  expect(state.nextAt).toBeGreaterThan(Date.now() + 20 * 3_600_000)
  const table = await cli.run(['account', 'status', name])
  expect(table.stdout).toMatch(new RegExp(`${name} +token-request +2 +stable`))
  expect(JSON.stringify([ran, state, table])).not.toContain(await usedToken(served.store, name, key))
})

test.concurrent('a dead account says so with its mending command, which works with a token of ten minutes', async () => {
  const { cluster } = scene
  const { name, home } = await begin()
  for (const secret of await ownSecretsIn(cluster, { target: name, home })) await cluster.kubectl('delete', 'secret', secret, '-n', home)
  const dead = await usedToken(served.store, name, key)
  await eventually(async () => (await statusOf(cluster, dead)) === 401)
  const failed = await cli.run(['account', 'rotate', name])
  expect([failed.code, failed.stderr]).toEqual([10, expect.stringContaining(`telpher account repair ${name} --from-kubeconfig CONTEXT`)])
  const { ran } = await status(name)
  expect(ran.code).toBe(10)
  const how = await cli.run(['account', 'repair', name])
  expect(how.stdout).toBe(
    `kubectl create token bootstrap-${name} --namespace ${home} --duration 15m | telpher account repair ${name} --token -\n`,
  )
  const token = await cluster.kubectl('create', 'token', `bootstrap-${name}`, '--namespace', home, '--duration', '15m')
  const repaired = await cli.run(['account', 'repair', name, '--token', '-'], { stdin: token })
  expect(repaired.code, repaired.stderr).toBe(0)
  expect(repaired.stderr + repaired.stdout).not.toContain(token.trim())
  // Version 2 was the rotation that failed. Nothing but its expiry ends what is bound to no Secret: it is on the list until then.
  const { state } = await status(name)
  expect(state).toMatchObject({
    version: 4,
    versions: [
      { version: 4, is: 'used' },
      { version: 3, is: 'revoked' },
    ],
  })
  expect(await statusOf(cluster, await usedToken(served.store, name, key))).toBe(200)
  expect(await ownSecretsIn(cluster, { target: name, home })).toEqual([`bootstrap-${name}.v4`])
})

test.concurrent('a set-up of an older version gets the right to renew itself from a context', async () => {
  const { cluster } = scene
  const { name, home } = await begin()
  const rules = [
    { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: [`deployer-${name}`], verbs: ['create'] },
    { apiGroups: [''], resources: ['secrets'], verbs: ['create', 'delete', 'list'] },
  ]
  await cluster.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: `bootstrap-${name}`, namespace: home },
    rules,
  })
  const refused = await cli.run(['account', 'rotate', name])
  expect([refused.code, refused.stdout]).toEqual([10, expect.stringContaining('cannot mint a token of')])
  const args = ['account', 'repair', name, '--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  expect((await cli.run(args)).stderr).toContain('--yes says yes beforehand')
  const repaired = await cli.run([...args, '--yes'])
  expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringContaining('the one before it is refused')])
})

test.concurrent('revoke ends all that Telpher can end, and names the others', async () => {
  const { cluster } = scene
  const [one, two] = [await begin(), await begin()]
  const tokens = await Promise.all([one, two].map(({ name }) => usedToken(served.store, name, key)))
  expect((await cli.run(['account', 'revoke', one.name])).code).toBe(2)
  expect((await cli.run(['account', 'revoke', '--now'])).stderr).toContain('say which')
  const ran = await cli.run(['account', 'revoke', one.name, '--now'])
  const other = await cli.run(['account', 'revoke', two.name, '--now', '-o', 'json'])
  expect([ran.code, other.code], `${ran.stderr}${other.stderr}`).toEqual([0, 0])
  for (const token of tokens) expect(await statusOf(cluster, token)).toBe(401)
})

test.concurrent('a static token is replaced by the one that is given, and the old one stays an alarm until it is refused', async () => {
  const { cluster } = scene
  const [name, namespace] = [`fixed-${await freshNamespace(cluster)}`, await freshNamespace(cluster)]
  const bind = async (account: string, secret: string): Promise<string> => {
    await cluster.apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace } },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: account, namespace },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
      },
      { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { name: secret, namespace } },
    )
    return (
      await cluster.kubectl('create', 'token', account, '-n', namespace, '--bound-object-kind', 'Secret', '--bound-object-name', secret)
    ).trim()
  }
  const [old, fresh] = [await bind('one', 'a'), await bind('one', 'b')]
  const request = { server: cluster.server, ca: cluster.caPem, namespace, policy: { namespaces: [namespace] } }
  expect(
    (await served.call('POST', '/v1/targets', newTarget(name, { ...request, credential: { kind: 'bearer', token: old } }))).status,
  ).toBe(201)

  expect((await cli.run(['account', 'rotate', name])).stdout).toContain('Telpher cannot renew a static-token')
  const bad = join(cli.dir, `bad-${name}`)
  await writeFile(bad, `${fresh.slice(0, -6)}AAAAAA\n`)
  const refused = await cli.run(['account', 'rotate', name, '--token', bad])
  expect([refused.code, refused.stdout]).toEqual([10, expect.stringContaining('the API server refuses it (401)')])
  expect(await usedToken(served.store, name, key)).toBe(old)

  const ran = await cli.run(['account', 'rotate', name, '--token', '-'], { stdin: `${fresh}\n` })
  expect([ran.code, ran.stdout]).toEqual([10, expect.stringContaining('was not seen to be refused yet')])
  expect(await usedToken(served.store, name, key)).toBe(fresh)
  await cluster.kubectl('delete', 'secret', 'a', '-n', namespace)
  await eventually(async () => (await status(name)).state.state === 'stable', 60_000)
  expect((await status(name)).state).toMatchObject({ version: 3, versions: [{ version: 3, is: 'used' }], alarms: [] })
})

test.concurrent('an in-cluster account has nothing to rotate', async () => {
  const { cluster } = scene
  const name = `in-${await freshNamespace(cluster)}`
  const target = newTarget(name, { server: 'https://kubernetes.default.svc', credential: { kind: 'in-cluster' } })
  expect((await served.call('POST', '/v1/targets', target)).status).toBe(201)
  const ran = await cli.run(['account', 'rotate', name])
  expect([ran.code, ran.stdout]).toEqual([10, expect.stringContaining('there is nothing to rotate')])
  expect((await status(name)).ran.code).toBe(0)
})
