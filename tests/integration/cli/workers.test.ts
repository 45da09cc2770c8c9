import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleWorker } from '../../support/samples.ts'
import { freshName, type ServedApi, serveApi, startDeployment } from '../server/api.ts'
import { createTestCli, type TestCli } from './cli.ts'

let served: ServedApi
let cli: TestCli
const made: string[] = []
beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
})
afterAll(async () => {
  await Promise.all(made.map((id) => served.store.workers.remove(id)))
  await served.close()
})

const beat = async (name: string, changes: Parameters<typeof sampleWorker>[1] = {}): Promise<void> => {
  const id = `wrk_${name}`
  made.push(id)
  await served.store.workers.beat(
    sampleWorker(id, { name, version: '0.0.0', startedAt: Date.now() - 3_600_000 * 3, executor: 'docker', ...changes }),
  )
}

test('a worker is shown with what it runs and since when, its containers and its event loop', async () => {
  const name = freshName('worker')
  const { id, jobIds, targets } = await startDeployment(served)
  const ref = { deploymentId: id, jobId: jobIds[0] ?? '' }
  await served.store.jobs.apply(ref, { type: 'admit' })
  await served.store.jobs.apply(ref, { type: 'start', worker: `wrk_${name}` })
  await beat(name, {
    state: 'busy',
    attempts: [{ ...ref, attempt: 1, openWrites: 2, since: Date.now() - 40_000 }],
    containers: { waiting: 2, warm: 9, cold: 1 },
    loopMs: 12,
  })
  const { code, stdout } = await cli.run(['worker', 'view', name])
  expect(code).toBe(0)
  const lines = stdout.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, '  '))
  expect(lines).toEqual(
    expect.arrayContaining([
      `worker ${name}`,
      'state  busy',
      'version  0.0.0',
      'executor  docker',
      'started  3h ago',
      'slots  1 of 4 taken',
      'containers  2 wait; 9 of 10 jobs found one waiting',
      'event loop  stood 12 ms at worst in its last second',
      expect.stringMatching(`^web → ${targets[0]}  preparing  1  4\\ds  2  ${id}$`),
    ]),
  )
  const [view] = JSON.parse((await cli.run(['worker', 'view', name, '-o', 'json'])).stdout) as unknown[]
  expect(view).toMatchObject({
    name,
    state: 'busy',
    outdated: false,
    runs: [{ deployment: id, step: 'web', target: targets[0], status: 'preparing' }],
  })
  expect(view).not.toHaveProperty('takesNone')
})

test('why a worker takes no work is said: it drains, its loop stands, it is full', async () => {
  const [pool, drains, stands, full] = [freshName('pool'), freshName('drains'), freshName('stands'), freshName('full')]
  await beat(drains, { pool, state: 'draining' })
  await beat(stands, { pool, takesNone: 'its event loop stands', attempts: [] })
  await beat(full, {
    pool,
    state: 'busy',
    concurrency: 1,
    attempts: [{ deploymentId: 'dep_1', jobId: 'job_gone', attempt: 1, openWrites: 0 }],
  })
  const rows = (await cli.run(['worker', 'list'])).stdout.split('\n').map((line) => line.split(/ {2,}/))
  const rowOf = (name: string): string[] | undefined => rows.find(([first]) => first === name)
  expect(rowOf(drains)?.at(-1)).toBe('draining')
  expect(rowOf(stands)?.at(-1)).toBe('its event loop stands')
  expect(rowOf(full)?.slice(2, 4)).toEqual(['busy', '1/1'])
  expect(rowOf(full)?.at(-1)).toBe('all its slots are taken')
  expect((await cli.run(['worker', 'view', full])).stdout).toContain('job_gone')
  const unknown = await cli.run(['worker', 'view', freshName('nobody')])
  expect(unknown.code).not.toBe(0)
  expect(unknown.stderr).toContain('unknown_worker')
  const shown = (await cli.run(['pool', 'view', pool])).stdout
  expect(shown).toMatch(/workers +1 available, 1 busy, 1 draining, 0 offline/)
  expect(shown).toMatch(/desired +\d+ workers, if it were scaled/)
})
