import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { TelpherError } from '../../src/model/errors.ts'
import { shimPath } from '../../src/sandbox/shim.ts'
import { type FakeKnobs, fakeExecutor } from '../support/fake-executor.ts'
import { executorContract } from './executor.ts'
import { type ExecutorUnderTest, runJob, runLabel, shell, specFor } from './executor-run.ts'

const begin = async (knobs: FakeKnobs = {}): Promise<ExecutorUnderTest> => {
  const root = mkdtempSync(`${tmpdir()}/telpher-fake-`)
  const executor = fakeExecutor({ shimPath: await shimPath(), root, images: ['fake'], knobs })
  return {
    executor,
    image: 'fake',
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
    leftovers: async (run) => executor.running({ [runLabel]: run }),
    close: async () => rmSync(root, { recursive: true }),
  }
}

executorContract('fake', begin)

describe('the knobs of the fake', () => {
  const opened: ExecutorUnderTest[] = []
  const having = async (knobs: FakeKnobs): Promise<ExecutorUnderTest> => {
    const under = await begin(knobs)
    opened.push(under)
    return under
  }
  afterAll(() => Promise.all(opened.map((under) => under.close())))

  test('a start that fails throws what it was told', async () => {
    const under = await having({ startFails: new TelpherError('container_deviates', 'the engine did as it liked') })
    await expect(under.executor.start(specFor(under, 'knob'))).rejects.toMatchObject({ code: 'container_deviates' })
  })

  // From the first byte of READY over the frames of the output to the last byte before the exit record's end.
  test.each([0, 1, 12, 13, 40, 60, 100, 150, 200])('a stream cut after %i bytes is an error', async (cutAfterBytes) => {
    const under = await having({ cutAfterBytes })
    await expect(runJob(under, specFor(under, 'knob'), shell('echo out; echo err >&2'))).rejects.toMatchObject({ code: 'tether_cut' })
    expect(await under.leftovers('knob')).toEqual([])
  })

  test('an end without an exit record is an error, whatever the job printed', async () => {
    const under = await having({ withoutExitRecord: true })
    await expect(runJob(under, specFor(under, 'knob'), shell('echo all is well; exit 0'))).rejects.toMatchObject({ code: 'tether_cut' })
  })

  test('out of memory is said by the exit record and by the container', async () => {
    const under = await having({ outOfMemory: true })
    const { exit, container } = await runJob(under, specFor(under, 'knob'), shell('echo up'))
    expect(exit).toMatchObject({ code: null, oom: true })
    expect(container.oomKilled).toBe(true)
  })

  test('a slow one still gives everything, in order', async () => {
    const under = await having({ slowMs: 20 })
    const { exit, stdout } = await runJob(under, specFor(under, 'knob'), shell('for n in 1 2 3 4 5; do echo $n; sleep 0.01; done'))
    expect([exit.code, stdout.text]).toEqual([0, '1\n2\n3\n4\n5\n'])
  })
})
