import { expect, test } from 'vitest'
import { deadAfterMs } from '../../src/model/worker.ts'
import { writesOf } from '../support/audit.ts'
import { startE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'
import { detailOf } from '../support/faults.ts'
import { begin, clientOf, configMaps, holderOf, midApply } from '../support/running.ts'

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

test('what a worker does not end in its time to drain is handed back, and another one ends it; the first writes nothing any more', async ({
  onTestFinished,
}) => {
  const e2e = await startE2e({ workers: 2, env: { TELPHER_DRAIN_SECONDS: '0' } })
  onTestFinished(() => e2e.stop())
  const { namespace, target } = await e2e.place()
  const running = await begin(e2e, await e2e.folder(configMaps(400)), target)
  const job = await midApply(e2e, running, namespace)
  const holder = await holderOf(e2e, job)
  const asked = Date.now()
  holder.kill('SIGTERM')
  expect(await holder.exited).toBe(0)
  const { deployment, jobs } = detailOf(await running.ended)
  expect([deployment.result, jobs[0]?.attempt]).toEqual(['success', 2])
  const changes = (await (await clientOf(e2e)).history(job.deploymentId)).filter((event) => event.type === 'job')
  const handed = changes.find(({ from, to }) => from === 'running' && to === 'admitted')
  expect(changes.findLast(({ to }) => to === 'preparing')?.worker).not.toBe(job.worker)
  // Nobody had to be called dead for it.
  expect((handed?.at ?? Number.POSITIVE_INFINITY) - asked).toBeLessThan(deadAfterMs)
  const [second = 0] = await eventually(async () => {
    const writes = await writesOf(e2e, job, 2)
    return writes.length > 0 && writes
  })
  expect((await writesOf(e2e, job, 1)).filter((at) => at > second)).toEqual([])
})
