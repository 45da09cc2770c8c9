import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Job } from '../../src/model/deployment.ts'
import { startServerProcess } from '../../src/sandbox/processes.ts'
import { shimPath } from '../../src/sandbox/setup.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf, expectFault } from '../support/faults.ts'
import { begin, clientOf, configMaps, midApply } from '../support/running.ts'
import { freshNamespace, sharedCluster } from '../support/sandbox.ts'

let e2e: Awaited<ReturnType<typeof startE2e>>
beforeAll(async () => {
  e2e = await startE2e({ workers: 2, cluster: await sharedCluster('none') })
})
const ends: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of ends) await end()
  await e2e.stop()
})

interface Place {
  readonly target: string
  readonly namespace: string
  /** Where the Secrets of attempts are. */
  readonly home: string
}

/** A target as `target add` makes it from an admin's context; its cluster-wide policies are its own by its name. */
const place = async ({ cluster, cli }: E2e): Promise<Place> => {
  const namespace = await freshNamespace(cluster)
  const home = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', cluster.kubeconfig]
  const added = await cli('target', 'add', home, ...context, '--namespace', namespace, '--home', home, '--yes')
  expect(added, added.stderr).toMatchObject({ code: 0 })
  return { target: home, namespace, home }
}

const secretsIn = async ({ home }: Place): Promise<string[]> => {
  const { body } = await e2e.cluster.api('GET', `/api/v1/namespaces/${home}/secrets`)
  const names = (JSON.parse(body) as { items: { metadata: { name: string } }[] }).items.map(({ metadata }) => metadata.name)
  return names.filter((name) => name !== `bootstrap-${home}`)
}

interface AuditEvent {
  readonly userAgent?: string
  readonly stageTimestamp: string
  readonly user: { readonly username: string; readonly extra?: Readonly<Record<string, readonly string[]>> }
}

/** What the API server recorded of one attempt's writes. */
const auditOf = async (job: Job, attempt: number): Promise<AuditEvent[]> =>
  (await readFile(e2e.cluster.auditLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`telpher/${job.jobId}/${attempt}`))
    .map((line) => JSON.parse(line) as AuditEvent)

test('an attempt writes with a token of its own, and nothing is left of it', async () => {
  const at = await place(e2e)
  const { jobs, deployment } = detailOf(await e2e.deploy(await e2e.folder(configMaps(3)), at.target))
  expect(deployment.result).toBe('success')
  const events = await eventually(async () => {
    const found = await auditOf(jobs[0]!, 1)
    return found.length >= 3 && found
  })
  expect(new Set(events.map(({ user }) => user.username))).toEqual(new Set([`system:serviceaccount:${at.home}:deployer-${at.home}`]))
  expect(new Set(events.map(({ user }) => user.extra?.['authentication.kubernetes.io/credential-id']?.[0])).size).toBe(1)
  await eventually(async () => (await secretsIn(at)).length === 0)
})

test('a check climbs with a token of its own, and nothing is left of it', async () => {
  const at = await place(e2e)
  const checked = await e2e.cli('target', 'check', at.target)
  expect(checked, checked.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining(`deployer-${at.home}`) })
  await eventually(async () => (await secretsIn(at)).length === 0)
})

const chartObject = (apiVersion: string, kind: string, more: object): string =>
  JSON.stringify({ apiVersion, kind, metadata: { name: 'web' }, ...more })
const containers = [{ name: 'web', image: 'example.test/web:1' }]
const template = { metadata: { labels: { app: 'web' } }, spec: { containers } }

test('what applications consist of goes with the rights of the deployer, as a chart and as manifests', async () => {
  const [at, other] = [await place(e2e), await place(e2e)]
  const objects = {
    'map.yaml': chartObject('v1', 'ConfigMap', { data: { a: 'b' } }),
    'secret.yaml': chartObject('v1', 'Secret', { stringData: { a: 'b' } }),
    'account.yaml': chartObject('v1', 'ServiceAccount', {}),
    'service.yaml': chartObject('v1', 'Service', { spec: { ports: [{ port: 80 }] } }),
    'deployment.yaml': chartObject('apps/v1', 'Deployment', { spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template } }),
    'cronjob.yaml': chartObject('batch/v1', 'CronJob', {
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: { spec: { containers, restartPolicy: 'Never' } } } } },
    }),
    'policy.yaml': chartObject('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } }),
    'budget.yaml': chartObject('policy/v1', 'PodDisruptionBudget', {
      spec: { minAvailable: 0, selector: { matchLabels: { app: 'web' } } },
    }),
  }
  const applied = await e2e.deploy(await e2e.folder(objects), at.target)
  expect(applied, applied.stderr).toMatchObject({ code: 0 })
  const templates = Object.fromEntries(Object.entries(objects).map(([name, text]) => [`templates/${name}`, text]))
  const chart = { 'Chart.yaml': 'apiVersion: v2\nname: web\nversion: 0.0.1\n', ...templates }
  const installed = await e2e.deploy(await e2e.folder(chart), other.target, '--helm', 'web')
  expect(installed, installed.stderr).toMatchObject({ code: 0 })
  await eventually(async () => (await secretsIn(at)).length + (await secretsIn(other)).length === 0)
})

test('a deployment that fails leaves nothing', async () => {
  const at = await place(e2e)
  const broken = { 'a.yaml': JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec: { ports: [] } }) }
  expect((await e2e.deploy(await e2e.folder(broken), at.target)).code).not.toBe(0)
  await eventually(async () => (await secretsIn(at)).length === 0)
})

test('a cancelled deployment leaves nothing', async () => {
  const at = await place(e2e)
  const running = await begin(e2e, await e2e.folder(configMaps(400)), at.target)
  const job = await midApply(e2e, running, at.namespace)
  expect(await secretsIn(at)).toHaveLength(1)
  await e2e.cli('cancel', job.deploymentId)
  expect(detailOf(await running.ended).deployment.result).toBe('cancellation')
  await eventually(async () => (await secretsIn(at)).length === 0)
})

test('an attempt whose Secret somebody deletes ends as an error that says so', async () => {
  const at = await place(e2e)
  // More than a quick machine applies in the 10 s for which an API server remembers a token.
  const running = await begin(e2e, await e2e.folder(configMaps(6000)), at.target)
  await midApply(e2e, running, at.namespace)
  const [secret = ''] = await secretsIn(at)
  await e2e.cluster.kubectl('delete', 'secret', secret, '-n', at.home)
  const { deployment, jobs } = expectFault('credential-revoked', await running.ended) ?? { jobs: [] }
  expect(deployment?.result).toBe('error')
  expect(jobs[0]?.end).toMatchObject({
    code: 'grant_revoked',
    sentence: expect.stringContaining('its credential was revoked while running; '),
  })
  await eventually(async () => (await secretsIn(at)).length === 0)
})

test('the token of a killed worker is refused before another attempt begins', async () => {
  const at = await place(e2e)
  const running = await begin(e2e, await e2e.folder(configMaps(400)), at.target)
  const job = await midApply(e2e, running, at.namespace)
  const { workers } = await (await clientOf(e2e)).workers()
  const name = workers.find(({ id }) => id === job.worker)?.name ?? ''
  const holder = e2e.stack.workers.find(({ logFile }) => logFile.endsWith(`/${name}.log`))
  holder?.kill('SIGKILL')
  await holder?.exited
  const killedAt = Date.now()
  const detail = expectFault('worker-killed-token', await running.ended)
  expect(detail?.jobs[0]).toMatchObject({ status: 'succeeded', attempt: 2 })
  expect((detail?.deployment.endedAt ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(60_000)
  const history = await (await clientOf(e2e)).history(job.deploymentId)
  expect(history.flatMap((event) => (event.type === 'notice' ? [event.message] : []))).toEqual([
    expect.stringMatching(/, its credential is revoked: attempt 2 begins$/),
  ])
  const [first, second] = await eventually(async () => {
    const both = [await auditOf(job, 1), await auditOf(job, 2)] as const
    return both[1].length > 0 && both
  })
  const tokenOf = ({ user }: AuditEvent): string => user.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? ''
  expect(new Set(first.map(tokenOf)).size).toBe(1)
  expect(new Set(second.map(tokenOf))).not.toContain(tokenOf(first[0]!))
  await eventually(async () => (await secretsIn(at)).length === 0)
})

test('a server that is killed while an attempt runs leaves nothing: the next one ends what it was given', async () => {
  const at = await place(e2e)
  const running = await begin(e2e, await e2e.folder(configMaps(400)), at.target)
  await midApply(e2e, running, at.namespace)
  expect(await secretsIn(at)).toHaveLength(1)
  const { server, dir, redis, docker } = e2e.stack
  server.kill('SIGKILL')
  await server.exited
  const parts = { dir, redisUrl: redis.url, dockerSocket: docker.socketPath, shimPath: await shimPath() }
  const next = await startServerProcess(parts, Number(new URL(server.url).port))
  ends.push(() => next.stop())
  const { deployment, jobs } = detailOf(await running.ended)
  expect([deployment.result, jobs[0]?.attempt]).toEqual(['success', 1])
  await eventually(async () => (await secretsIn(at)).length === 0)
})
