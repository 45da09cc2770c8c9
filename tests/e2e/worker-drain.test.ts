import { expect, test } from 'vitest'
import { startE2e } from '../support/e2e-stack.ts'
import { detailOf } from '../support/faults.ts'
import { begin, configMaps, holderOf, midApply } from '../support/running.ts'

test('a worker that is asked to drain ends what it runs, and then itself; the others go on', async ({ onTestFinished }) => {
  const e2e = await startE2e({ workers: 2 })
  onTestFinished(() => e2e.stop())
  const { namespace, target } = await e2e.place()
  const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
  const job = await midApply(e2e, running, namespace)
  const holder = await holderOf(e2e, job)
  const drained = await e2e.cli('worker', 'drain', holder.name, '-o', 'json')
  expect(drained, drained.stderr).toMatchObject({ code: 0 })
  expect(JSON.parse(drained.stdout)).toMatchObject([{ name: holder.name, id: job.worker, drained: true }])
  expect(drained.stderr).toContain(`waiting for ${holder.name}: 1 running`)
  expect(await holder.exited).toBe(0)
  const { deployment, jobs } = detailOf(await running.ended)
  expect([deployment.result, jobs[0]?.attempt]).toEqual(['success', 1])

  const again = await e2e.deploy(await e2e.folder(configMaps(1)), target)
  expect(again, again.stderr).toMatchObject({ code: 0 })
  expect(detailOf(again).jobs[0]?.attempt).toBe(1)
  expect((await e2e.cli('worker', 'drain', holder.name)).stderr).toContain('unknown_worker')
  expect((await e2e.cli('worker', 'drain')).code).toBe(2)
  expect(await e2e.cli('worker', 'drain', '--all')).toMatchObject({ code: 0 })
  expect(await Promise.all(e2e.stack.workers.map(({ exited }) => exited))).toEqual([0, 0])
})
