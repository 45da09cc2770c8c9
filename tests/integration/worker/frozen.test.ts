import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { jobProcesses } from '../../../src/executors/jobProcesses.ts'
import { processExecutor } from '../../../src/executors/process.ts'
import { shimPath } from '../../../src/sandbox/shim.ts'
import { openContainer } from '../../../workers/container.ts'

const path = process.env['PATH'] ?? '/usr/bin:/bin'

test('a shim and a job that stand still are killed once they were silent for long, and the attempt goes on to its end', async () => {
  const root = mkdtempSync(`${tmpdir()}/telpher-frozen-`)
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const executor = processExecutor({ shimPath: await shimPath(), root: `${root}/jobs`, image: 'own', path, programs: ['sh'] })
  const spec = { image: 'own', labels: { 'telpher.test': 'frozen' }, memoryBytes: 1, cpus: 1, pids: 1, scratchBytes: 1 }
  const container = await openContainer(executor, spec, () => {})
  onTestFinished(() => container.dispose())
  const folder = container.place?.folder ?? ''
  const said = Promise.withResolvers<void>()
  const tether = container.use({ onOutput: () => said.resolve(), onConnection: (connection) => connection.destroy() })
  const ran = tether
    .run({ argv: ['/bin/sh', '-c', 'echo begun; sleep 600'], env: { PATH: path, HOME: folder }, cwd: folder })
    .catch((thrown: unknown) => thrown)
  await said.promise
  expect(jobProcesses(folder).length).toBeGreaterThan(1)
  for (const pid of jobProcesses(folder)) process.kill(pid, 'SIGSTOP')
  expect(await ran).toMatchObject({ code: 'tether_silent' })
  expect(jobProcesses(folder)).toEqual([])
  expect(existsSync(folder)).toBe(false)
})
