import { expect, test } from 'vitest'
import type { Scale } from '../../src/model/scale.ts'
import { scaleWorkers } from '../../src/sandbox/scaling.ts'
import { startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { configMaps } from '../support/running.ts'

test('a pool goes from no worker to what there is to do and back, and nobody who works is ended', async ({ onTestFinished }) => {
  const e2e = await startE2e({ workers: 0 })
  onTestFinished(() => e2e.stop())
  let alive = 0
  let most = 0
  const addWorker: typeof e2e.stack.addWorker = (name, env) => {
    const worker = e2e.stack.addWorker(name, env)
    most = Math.max(most, ++alive)
    void worker.exited.then(() => alive--)
    return worker
  }
  const stop = await scaleWorkers({ ...e2e.stack, addWorker }, { min: 0, max: 2, coolDownSeconds: 2 })
  onTestFinished(stop)
  const scale = async (): Promise<Scale> => JSON.parse((await e2e.cli('pool', 'explain', 'default', '-o', 'json')).stdout) as Scale
  expect(await scale()).toMatchObject({ desired: 0, workers: 0, managed: true })
  const { namespace, target } = await e2e.place()
  // Six steps at once need two workers, which run four each.
  const folders = await Promise.all(Array.from({ length: 6 }, () => e2e.folder(configMaps(5))))
  const ended = await Promise.all(folders.map((folder, n) => e2e.deploy(folder, target, '--name', `step-${n}`)))
  for (const one of ended) {
    expect(one, one.stderr).toMatchObject({ code: 0 })
    // Each was done by the worker that began it.
    expect(detailOf(one).jobs[0]?.attempt).toBe(1)
  }
  expect(e2e.stack.workers.length).toBeGreaterThanOrEqual(1)
  await eventually(async () => (await scale()).workers === 0, 60_000, 200)
  // Each may have a predecessor beside it that is still ending, which a slow machine makes long.
  expect(most).toBeLessThanOrEqual(4)
  expect(await Promise.all(e2e.stack.workers.map(({ exited }) => exited))).toEqual(e2e.stack.workers.map(() => 0))
  const before = e2e.stack.workers.length
  const again = await e2e.deploy(await e2e.folder(configMaps(1)), target)
  expect(again, again.stderr).toMatchObject({ code: 0 })
  expect(e2e.stack.workers.length).toBe(before + 1)
  const maps = await e2e.cluster.api('GET', `/api/v1/namespaces/${namespace}/configmaps`)
  expect(maps.status).toBe(200)
})

test('workers are replaced one after the other under load, and no deployment notices', async ({ onTestFinished }) => {
  const e2e = await startE2e({ workers: 0 })
  onTestFinished(() => e2e.stop())
  onTestFinished(await scaleWorkers(e2e.stack, { min: 2, max: 2 }))
  const { target } = await e2e.place()
  const folders = await Promise.all(Array.from({ length: 6 }, () => e2e.folder(configMaps(20))))
  const running = Promise.all(folders.map((folder, n) => e2e.deploy(folder, target, '--name', `step-${n}`)))
  await eventually(async () => (JSON.parse((await e2e.cli('worker', 'list', '-o', 'json')).stdout) as unknown[]).length === 2, 60_000, 200)
  const rolled = await e2e.cli('worker', 'rollout', '--pool', 'default', '-o', 'json')
  expect(rolled, rolled.stderr).toMatchObject({ code: 0 })
  const replaced = JSON.parse(rolled.stdout) as { name: string; by: string }[]
  expect(new Set(replaced.flatMap(({ name, by }) => [name, by])).size).toBe(4)
  for (const one of await running) {
    expect(one, one.stderr).toMatchObject({ code: 0 })
    expect(detailOf(one).jobs[0]?.attempt).toBe(1)
  }
})
