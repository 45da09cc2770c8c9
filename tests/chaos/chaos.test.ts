import { expect, onTestFinished, test } from 'vitest'
import { startEngine } from './installation.ts'
import { runChaos } from './runs.ts'

/** The same in every run of the tests; a run that fails says which of them it was. */
const seed = Number(process.env['CHAOS_SEED'] ?? 1)

test('20 runs of chance: nothing lost, doubled, falsely green, stuck or left behind', async () => {
  const said: string[] = []
  const docker = await startEngine()
  onTestFinished(() => docker.stop())
  const { report, troubles } = await runChaos({ runs: 20, seed, docker, say: (text) => said.push(text) })
  expect(troubles, said.join('\n')).toEqual([])
  expect(report).toMatchObject({ runs: 20, lost: 0, doubled: 0, false_success: 0, orphans: 0, stuck: 0 })
})
