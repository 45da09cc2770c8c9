import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from 'vitest'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { dashboardExpressions, seriesOf } from '../support/observed.ts'
import { createReceiver } from '../support/otlpreceiver.ts'
import { type Family, preparePromcheck, readExpressions, readMetrics, readRules, sampleOf } from '../support/promcheck.ts'
import { configMaps } from '../support/running.ts'
import { freshNamespace } from '../support/sandbox.ts'

beforeAll(preparePromcheck, 900_000)
const receiver = createReceiver()
const e2e = useE2e({
  env: () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url(),
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  }),
})

/** The lines that the only worker wrote so far. */
const workerLines = async (): Promise<Record<string, unknown>[]> => {
  const [worker] = e2e().stack.workers
  return (await readFile(worker?.logFile ?? '', 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const healthOf = async (): Promise<string> => {
  const line = await eventually(async () => (await workerLines()).find(({ healthPort }) => healthPort !== undefined), 60_000)
  return `http://127.0.0.1:${line['healthPort']}`
}

/** What both processes expose, each read by Prometheus' own parser and without anything that its linter finds. */
const scrape = async (): Promise<readonly Family[]> => {
  const { server } = e2e().stack
  const authorization = `Bearer ${(await readFile(server.tokenFile, 'utf8')).trim()}`
  const texts = await Promise.all([
    fetch(`${server.url}/metrics`, { headers: { authorization } }).then((answer) => answer.text()),
    fetch(`${await healthOf()}/metrics`).then((answer) => answer.text()),
  ])
  const read = await Promise.all(texts.map(readMetrics))
  expect(read.flatMap(({ problems }) => problems)).toEqual([])
  return read.flatMap(({ families }) => families)
}

test('a run is seen in the metrics and in one event for each attempt, and dashboard and alerts ask for nothing that is not there', async () => {
  expect((await fetch(`${await healthOf()}/readyz?verbose`)).status).toBe(200)
  // Rotated by itself, and with a token for each attempt.
  const namespace = await freshNamespace(e2e().cluster)
  const target = `home-${namespace}`
  const context = ['--from-kubeconfig', 'local', '--file', e2e().cluster.kubeconfig, '--namespace', namespace, '--home', target, '--yes']
  const added = await e2e().cli('target', 'add', target, ...context)
  expect(added.code, added.stderr).toBe(0)
  expect((await e2e().cli('pool', 'edit', 'default', '--replicas', '1')).code).toBe(0)
  const good = detailOf(await e2e().deploy(await e2e().folder(configMaps(3)), target))
  expect(good.deployment.result).toBe('success')
  const elsewhere = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a, namespace: kube-system }\n'
  const refused = detailOf(await e2e().deploy(await e2e().folder({ 'map.yaml': elsewhere }), target))
  expect(refused.deployment.result).toBe('failure')

  const families = await eventually(async () => {
    const found = await scrape()
    // The server ends the deployment after its job, and hears of a worker that is free again with its next heartbeat.
    const isTold =
      sampleOf(found, 'telpher_runs_total', { result: 'failure' }) === 1 &&
      sampleOf(found, 'telpher_pool_desired_workers') === 1 &&
      sampleOf(found, 'telpher_workers', { pool: 'default', state: 'available' }) === 1 &&
      sampleOf(found, 'telpher_account_used_timestamp_seconds', { target, by: 'job' }) !== undefined
    return isTold && found
  }, 30_000)
  expect(sampleOf(families, 'telpher_runs_total', { result: 'success' })).toBe(1)
  expect(sampleOf(families, 'telpher_jobs_total', { result: 'success' })).toBeDefined()
  expect(sampleOf(families, 'telpher_writes_total')).toBe(3)
  expect(sampleOf(families, 'telpher_gate_requests_total', { code: '2xx' })).toBeGreaterThan(3)
  expect(sampleOf(families, 'telpher_gate_refusals_total', { code: 'gate_namespace' })).toBeGreaterThan(0)
  expect(sampleOf(families, 'telpher_log_bytes_total')).toBeGreaterThan(0)
  expect(sampleOf(families, 'telpher_job_phase_duration_seconds', { phase: 'run' })).toBe(2)
  expect(sampleOf(families, 'telpher_credential_expires_timestamp_seconds', { target })).toBeGreaterThan(Date.now() / 1000)

  expect(sampleOf(families, 'telpher_target_up', { target })).toBe(1)
  expect(sampleOf(families, 'telpher_account_used_timestamp_seconds', { target, by: 'server' })).toBeGreaterThan(Date.now() / 1000 - 600)
  const said = await e2e().cli('account', 'status', target)
  expect([said.code, said.stdout]).toEqual([0, expect.stringContaining(`ago by attempt 1 of ${good.deployment.id}: patch configmaps`)])
  expect(said.stdout).toMatch(/by a server, through the pipe: .+ answered with 20[01], Audit-Id \S+/)
  const checked = await e2e().cli('target', 'check', target)
  expect(checked.stderr).toContain(`ago by attempt 1 of ${good.deployment.id}`)

  const rules = await readRules(await readFile(new URL('../../containers/prometheus/alerts.yaml', import.meta.url), 'utf8'))
  const asked = await readExpressions([...(await dashboardExpressions()), ...rules.map(({ expr }) => expr)])
  for (const { metric, labels, text } of asked.flatMap(seriesOf)) {
    const series = families.filter(({ name }) => name === metric).flatMap((family) => family.series)
    expect(series.length, `${metric} of ${text}`).toBeGreaterThan(0)
    const has = new Set(series.flatMap((one) => Object.keys(one)))
    expect(
      labels.filter((label) => label !== 'job' && label !== 'instance' && !has.has(label)),
      `${metric} of ${text}`,
    ).toEqual([])
  }
  const ids = [good, refused].flatMap(({ deployment, jobs }) => [deployment.id, ...jobs.map(({ jobId }) => jobId)])
  const values = families.flatMap(({ series }) => series.flatMap((one) => Object.values(one)))
  expect(values.filter((value) => ids.some((id) => value.includes(id)))).toEqual([])

  const events = (await workerLines()).filter(({ op }) => op === 'job')
  expect(events).toMatchObject([
    {
      deployment: good.deployment.id,
      job: good.jobs[0]?.jobId,
      attempt: 1,
      outcome: 'ended',
      final: true,
      result: 'success',
      kind: 'apply',
      target,
      pool: 'default',
      writes: 3,
      refusals: 0,
    },
    { deployment: refused.deployment.id, result: 'failure', final: true, writes: 0 },
  ])
  const [event] = events
  expect(event?.['total_ms']).toBe(['prepare_ms', 'run_ms', 'verify_ms', 'finish_ms'].reduce((sum, name) => sum + Number(event?.[name]), 0))
  for (const name of ['queue_ms', 'log_bytes', 'requests_2xx']) expect(event?.[name], name).toBeTypeOf('number')
  for (const name of ['image', 'kubectl', 'server_version', 'version']) expect(event?.[name], name).toBeTypeOf('string')
})

test('a run is one trace, told by server and worker together below the span of whoever started it, and counted by the conventions for CI/CD', async () => {
  const { target } = await e2e().place()
  const { server } = e2e().stack
  const traceId = randomBytes(16).toString('hex')
  const folder = await e2e().folder(configMaps(2))
  // The package is there afterwards: what is started next is started as a program of somebody else's would.
  const first = detailOf(await e2e().deploy(folder, target)).deployment
  const answer = await fetch(`${server.url}/v1/deployments`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(await readFile(server.tokenFile, 'utf8')).trim()}`,
      'content-type': 'application/json',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ name: 'shop', steps: first.request.steps, targets: [target] }),
  })
  expect(answer.status).toBe(202)
  const { deployment, jobs } = (await answer.json()) as { deployment: { id: string }; jobs: { jobId: string }[] }
  const spans = await eventually(async () => {
    const read = (await receiver.traces()).filter((span) => span.traceId === traceId)
    return read.some(({ kind }) => kind === 'Server') && read.some(({ name }) => name === 'finish') && read
  }, 60_000)
  const run = spans.find(({ kind }) => kind === 'Server')
  expect(run).toMatchObject({
    name: 'RUN shop',
    parentId: '00f067aa0ba902b7',
    status: 'Unset',
    attributes: { 'cicd.pipeline.name': 'shop', 'cicd.pipeline.run.id': deployment.id, 'cicd.pipeline.result': 'success' },
    resource: { 'service.name': 'telpher', 'deployment.environment.name': 'test' },
  })
  const attempt = spans.find(({ attributes }) => attributes['cicd.pipeline.task.run.result'] !== undefined)
  expect(attempt).toMatchObject({
    parentId: run?.spanId,
    kind: 'Internal',
    attributes: { 'cicd.pipeline.task.run.id': jobs[0]?.jobId, 'cicd.pipeline.task.run.result': 'success', 'telpher.target': target },
    resource: { 'cicd.worker.name': 'local-1' },
  })
  expect(spans.filter(({ parentId }) => parentId === attempt?.spanId).map(({ name }) => name)).toEqual([
    'prepare',
    'run',
    'verify',
    'finish',
  ])
  // Server and worker share a clock here.
  expect(run?.startMs).toBeLessThanOrEqual(attempt?.startMs ?? 0)
  expect(run?.endMs).toBeGreaterThanOrEqual(attempt?.startMs ?? 0)

  const isOfShop = ({ attributes }: { readonly attributes: Readonly<Record<string, unknown>> }): boolean =>
    attributes['cicd.pipeline.name'] === 'shop' && attributes['cicd.pipeline.run.state'] === 'executing'
  const counted = await eventually(async () => {
    const read = await receiver.instruments()
    const has = (name: string): boolean => read.some((one) => one.name === name)
    // What was counted goes with the sending after it.
    const isCounted = read.some(({ name, points }) => name === 'cicd.pipeline.run.duration' && points.some(isOfShop))
    return isCounted && has('cicd.worker.count') && has('cicd.system.errors') && read
  }, 60_000)
  expect(counted.find(({ name }) => name === 'cicd.worker.count')).toMatchObject({ unit: '{count}', type: 'Sum', monotonic: false })
  const durations = counted.filter(({ name }) => name === 'cicd.pipeline.run.duration').flatMap(({ points }) => points)
  expect(durations.map(({ attributes }) => attributes)).toContainEqual({
    'cicd.pipeline.name': 'shop',
    'cicd.pipeline.run.state': 'executing',
    'cicd.pipeline.result': 'success',
  })
  const ids = [deployment.id, ...jobs.map(({ jobId }) => jobId)]
  expect(
    counted
      .flatMap(({ points }) => points.flatMap(({ attributes }) => Object.values(attributes)))
      .filter((value) => ids.includes(String(value))),
  ).toEqual([])
})
