import { setTimeout as pause } from 'node:timers/promises'
import Dockerode from 'dockerode'
import { describe, expect, test } from 'vitest'
import type { Job } from '../../src/model/deployment.ts'
import { isTerminal } from '../../src/model/states.ts'
import { claimMs } from '../../src/model/worker.ts'
import { writesOf } from '../support/audit.ts'
import { type E2e, startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { expectFault } from '../support/faults.ts'
import { hookedChart, isHookMade, releaseStatuses } from '../support/hooked-chart.ts'
import { begin, clientOf, configMaps, holderOf, midApply, type Running } from '../support/running.ts'
import { sharedCluster } from '../support/sandbox.ts'

/** A worker that is stopped is awake again after this, in ms: long after another one took over. */
const stoppedMs = 60_000

interface Scene {
  readonly e2e: E2e
  readonly namespace: string
  readonly running: Running
  readonly job: Job
}

const containersOf = async (e2e: E2e, { worker }: Job) => {
  const label = [`telpher.worker=${worker}`]
  return new Dockerode({ socketPath: e2e.stack.docker.socketPath }).listContainers({ all: true, filters: { label } })
}

const stackOfTwo = async (onTestFinished: (end: () => Promise<void>) => void): Promise<E2e> => {
  const e2e = await startE2e({ workers: 2, cluster: await sharedCluster('real') })
  onTestFinished(() => e2e.stop())
  return e2e
}

const applying = async (e2e: E2e): Promise<Scene> => {
  const { namespace, target } = await e2e.place()
  const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
  return { e2e, namespace, running, job: await midApply(e2e, running, namespace) }
}

const upgrading = async (e2e: E2e): Promise<Scene> => {
  const { namespace, target } = await e2e.place()
  const installed = await e2e.deploy(await e2e.folder(hookedChart(1)), target, '--helm', 'hooked')
  expect(installed, installed.stderr).toMatchObject({ code: 0 })
  const running = await begin(e2e, await e2e.folder(hookedChart(2)), target, '--helm', 'hooked')
  const job = await running.reaches('running')
  await eventually(() => isHookMade(e2e, namespace))
  expect(await releaseStatuses(e2e, namespace)).toContain('pending-upgrade')
  return { e2e, namespace, running, job }
}

/** The promise: the second worker ends it well, and nothing of the first writes after its claim. @param lostAt ms since the epoch */
const expectTakenOver = async ({ e2e, job, running, namespace }: Scene, id: string, lostAt: number): Promise<void> => {
  const detail = expectFault(id, await running.ended)
  expect(detail?.jobs[0]?.attempt).toBe(2)
  expect((detail?.deployment.endedAt ?? Number.POSITIVE_INFINITY) - lostAt).toBeLessThan(60_000)
  await eventually(async () => (await writesOf(e2e, job, 2)).length > 0)
  expect((await writesOf(e2e, job, 1)).filter((at) => at > lostAt + claimMs)).toEqual([])
  expect((await releaseStatuses(e2e, namespace)).filter((status) => status?.startsWith('pending-'))).toEqual([])
}

const kill = async (scene: Scene, id: string): Promise<void> => {
  const holder = await holderOf(scene.e2e, scene.job)
  holder.kill('SIGKILL')
  await holder.exited
  await expectTakenOver(scene, id, Date.now())
  expect(await containersOf(scene.e2e, scene.job)).toEqual([])
}

/** Every ConfigMap and Secret of its namespace, in the version that it has now. */
const versionsIn = async ({ e2e, namespace }: Scene): Promise<string[]> => {
  const lists = await Promise.all(
    ['configmaps', 'secrets'].map((kind) => e2e.cluster.api('GET', `/api/v1/namespaces/${namespace}/${kind}`)),
  )
  return lists.flatMap(({ body }) => {
    const { items } = JSON.parse(body) as { items: { metadata: { name: string; resourceVersion: string } }[] }
    return items.map(({ metadata: { name, resourceVersion } }) => `${name} ${resourceVersion}`)
  })
}

/** Stops the holder for a minute: its successor's result is the result, whatever the woken one believes. */
const stopAndWake = async (scene: Scene, id: string): Promise<void> => {
  const { e2e, job } = scene
  const holder = await holderOf(e2e, job)
  const client = await clientOf(e2e)
  holder.kill('SIGSTOP')
  const stoppedAt = Date.now()
  await expectTakenOver(scene, id, stoppedAt)
  const [ended, left] = [await client.deployment(job.deploymentId), await versionsIn(scene)]
  await pause(Math.max(0, stoppedAt + stoppedMs - Date.now()))
  holder.kill('SIGCONT')
  // It is heard again, and holds nothing: only then has it had the chance to do harm.
  await eventually(async () => {
    const { workers } = await client.workers()
    const woken = workers.find((worker) => worker.id === job.worker)
    return woken !== undefined && woken.seenAt > stoppedAt + stoppedMs && woken.attempts.length === 0 && woken.state === 'available'
  }, 60_000)
  await eventually(async () => (await containersOf(e2e, job)).every(({ Labels }) => Labels['telpher.job'] === undefined))
  expect((await writesOf(e2e, job, 1)).filter((at) => at > stoppedAt + claimMs)).toEqual([])
  expect(await client.deployment(job.deploymentId)).toEqual(ended)
  // What bears no mark, such as a record that a worker writes by itself, would be seen here.
  expect(await versionsIn(scene)).toEqual(left)
  const ends = (await client.history(job.deploymentId)).filter((event) => event.type === 'job' && isTerminal(event.to))
  expect(ends).toMatchObject([{ attempt: 2, to: 'succeeded' }])
}

describe.concurrent('the worker that holds the job is killed, and another one is alive', () => {
  test('while kubectl applies', async ({ onTestFinished }) => {
    await kill(await applying(await stackOfTwo(onTestFinished)), 'worker-killed-apply')
  })
  test('while helm upgrades', async ({ onTestFinished }) => {
    await kill(await upgrading(await stackOfTwo(onTestFinished)), 'worker-killed-helm')
  })
})

describe.concurrent('the worker that holds the job is stopped for a minute and goes on, and another one is alive', () => {
  test('while kubectl applies', async ({ onTestFinished }) => {
    await stopAndWake(await applying(await stackOfTwo(onTestFinished)), 'worker-stopped-apply')
  })
  test('while helm upgrades', async ({ onTestFinished }) => {
    await stopAndWake(await upgrading(await stackOfTwo(onTestFinished)), 'worker-stopped-helm')
  })
})
