import { readFile } from 'node:fs/promises'
import Dockerode from 'dockerode'
import { describe, expect, test } from 'vitest'
import type { Job } from '../../src/model/deployment.ts'
import { claimMs } from '../../src/model/worker.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { begin, clientOf, configMaps, midApply } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

interface AuditEvent {
  readonly userAgent?: string
  readonly stageTimestamp: string
}

/** kill -9 to the worker that holds the job. @returns when, in ms since the epoch */
const killHolder = async (e2e: E2e, job: Job): Promise<number> => {
  const { workers } = await (await clientOf(e2e)).workers()
  const name = workers.find(({ id }) => id === job.worker)?.name ?? ''
  const holder = e2e.stack.workers.find(({ logFile }) => logFile.endsWith(`/${name}.log`))
  if (holder === undefined) throw new Error(`no process of worker ${name}`)
  holder.kill('SIGKILL')
  await holder.exited
  return Date.now()
}

const containersOf = async (e2e: E2e, { worker }: Job) => {
  const label = [`telpher.worker=${worker}`]
  return new Dockerode({ socketPath: e2e.stack.docker.socketPath }).listContainers({ all: true, filters: { label } })
}

/** Writes that the API server took from one attempt, in ms since the epoch. */
const writesOf = async ({ cluster }: E2e, job: Job, attempt: number): Promise<number[]> =>
  (await readFile(cluster.auditLog, 'utf8'))
    .split('\n')
    .filter((line) => line.includes(`telpher/${job.jobId}/${attempt}`))
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ userAgent = '' }) => new RegExp(`telpher/${job.jobId}/${attempt}(?!\\d)`).test(userAgent))
    .map(({ stageTimestamp }) => Date.parse(stageTimestamp))

/** The promise: the second worker ends it well, and nothing of the first is left or writes after its claim. */
const expectTakenOver = async (e2e: E2e, id: string, job: Job, killedAt: number, ended: Awaited<ReturnType<E2e['deploy']>>) => {
  const detail = expectFault(id, ended)
  expect(detail?.jobs[0]?.attempt).toBe(2)
  expect((detail?.deployment.endedAt ?? Number.POSITIVE_INFINITY) - killedAt).toBeLessThan(60_000)
  expect(await containersOf(e2e, job)).toEqual([])
  await eventually(async () => (await writesOf(e2e, job, 2)).length > 0)
  expect((await writesOf(e2e, job, 1)).filter((at) => at > killedAt + claimMs)).toEqual([])
}

const hookedChart = (version: number): Readonly<Record<string, string>> => ({
  'Chart.yaml': `apiVersion: v2\nname: hooked\nversion: 0.0.${version}\n`,
  'templates/hook.yaml': JSON.stringify({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'migrate', annotations: { 'helm.sh/hook': 'pre-upgrade' } },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'main',
              image: 'example.test/busybox:1',
              imagePullPolicy: 'IfNotPresent',
              command: ['/bin/sh', '-c', 'sleep 6'],
            },
          ],
        },
      },
    },
  }),
  'templates/map.yaml': JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'state' },
    data: { version: `${version}` },
  }),
})

const releaseStatuses = async ({ cluster }: E2e, namespace: string): Promise<(string | undefined)[]> => {
  const { body } = await cluster.api('GET', `/api/v1/namespaces/${namespace}/secrets?labelSelector=owner%3Dhelm`)
  const { items } = JSON.parse(body) as { items: { metadata: { labels?: Record<string, string> } }[] }
  return items.map(({ metadata }) => metadata.labels?.['status']).sort()
}

describe.concurrent('the worker that holds the job is killed, and another one is alive', () => {
  test('while kubectl applies', async ({ onTestFinished }) => {
    const e2e = await startE2e({ workers: 2, cluster: await sharedCluster('real') })
    onTestFinished(() => e2e.stop())
    const { namespace, target } = await e2e.place()
    const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
    const job = await midApply(e2e, running, namespace)
    const killedAt = await killHolder(e2e, job)
    await expectTakenOver(e2e, 'worker-killed-apply', job, killedAt, await running.ended)
  })

  test('while helm upgrades', async ({ onTestFinished }) => {
    const e2e = await startE2e({ workers: 2, cluster: await sharedCluster('real') })
    onTestFinished(() => e2e.stop())
    const { namespace, target } = await e2e.place()
    const installed = await e2e.deploy(await e2e.folder(hookedChart(1)), target, '--helm', 'hooked')
    expect(installed, installed.stderr).toMatchObject({ code: 0 })
    const running = await begin(e2e, await e2e.folder(hookedChart(2)), target, '--helm', 'hooked')
    const job = await running.reaches('running')
    await eventually(async () => (await e2e.cluster.api('GET', `/apis/batch/v1/namespaces/${namespace}/jobs/migrate`)).status === 200)
    expect(await releaseStatuses(e2e, namespace)).toContain('pending-upgrade')
    const killedAt = await killHolder(e2e, job)
    await expectTakenOver(e2e, 'worker-killed-helm', job, killedAt, await running.ended)
    expect((await releaseStatuses(e2e, namespace)).filter((status) => status?.startsWith('pending-'))).toEqual([])
  })
})
