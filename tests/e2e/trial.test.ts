import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jobProcesses } from '../../src/executors/jobProcesses.ts'
import type { DoctorReport } from '../../src/model/doctor.ts'
import { deadAfterMs } from '../../src/model/worker.ts'
import { useE2e } from '../support/e2e-stack.ts'
import { eventually } from '../support/eventually.ts'

// A folder of jobs of this file's own: what is left in it is this worker's.
const jobs = mkdtempSync(`${tmpdir()}/telpher-trial-`)
const e2e = useE2e({ workers: 0 })
const workers = async (): Promise<{ executor: string }[]> => JSON.parse((await e2e().cli('worker', 'list', '-o', 'json')).stdout)

beforeAll(async () => {
  e2e().stack.addWorker('trial', { TELPHER_EXECUTOR: 'process', TELPHER_DOCKER_SOCKET: '/nonexistent/docker.sock', TMPDIR: jobs })
  await eventually(async () => (await workers()).length === 1, 30_000)
})
afterAll(() => rmSync(jobs, { recursive: true, force: true }))

const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: trial }\ndata: { a: b }\n'
const chart = {
  'chart/Chart.yaml': 'apiVersion: v2\nname: trial\nversion: 1.0.0\n',
  'chart/templates/map.yaml': configMap.replace('name: trial', 'name: charted'),
}

test('a worker without Docker applies manifests and installs charts on a target for trials, and says that it isolates nothing', async () => {
  expect(await workers()).toMatchObject([{ executor: 'process' }])
  const { target } = await e2e().place({ trials: true })
  const folder = await e2e().folder({ 'manifests/map.yaml': configMap, ...chart })
  const applied = await e2e().deploy(`${folder}/manifests`, target)
  expect(JSON.parse(applied.stdout), applied.stderr).toMatchObject({ deployment: { result: 'success' } })
  const installed = await e2e().deploy(`${folder}/chart`, target, '--helm', 'trial')
  expect(JSON.parse(installed.stdout), installed.stderr).toMatchObject({ deployment: { result: 'success' } })
})

test('a target that is not for trials is refused before anything is asked of it', async () => {
  const { target } = await e2e().place()
  const refused = await e2e().deploy(await e2e().folder({ 'map.yaml': configMap }), target)
  expect(refused.code).toBe(10)
  expect(JSON.parse(refused.stdout)).toMatchObject({
    jobs: [{ end: { code: 'target_not_for_trials', sentence: expect.stringContaining(`target ${target} is not marked for trials`) } }],
  })
  const checked = await e2e().cli('target', 'check', target)
  expect(checked.code).toBe(10)
  expect(checked.stdout).toContain('not marked for trials')
})

test('doctor finds nothing that cannot work in a real chain, its target included, and warns of the missing isolation', async () => {
  const { target } = await e2e().place({ trials: true })
  const ran = await e2e().cli('doctor', '--server', '--target', target, '-o', 'json')
  const { checks, summary } = JSON.parse(ran.stdout) as DoctorReport
  expect(checks.filter(({ status }) => status === 'fail')).toEqual([])
  expect([ran.code, summary.fail]).toEqual([0, 0])
  expect(checks.filter(({ id }) => id === 'worker-isolation')).toMatchObject([{ status: 'warn', seen: expect.stringContaining('trial') }])
  expect(checks.filter(({ id }) => id === 'target-authentication')).toMatchObject([{ status: 'ok' }])
  expect(checks.filter(({ id }) => id === 'account-key')).toMatchObject([{ status: 'ok' }])
})

test('after kill -9 of the worker its steps end by themselves, and the next worker removes their folders', async () => {
  const root = join(jobs, `telpher-jobs-${process.getuid?.() ?? 0}`)
  const folders = (): string[] => readdirSync(root).filter((name) => name.startsWith('job-'))
  const [worker] = e2e().stack.workers
  const processesIn = (names: readonly string[]): number =>
    names.reduce((sum, name) => sum + jobProcesses(join(root, name, 'work')).length, 0)
  // Those that wait for steps.
  const left = await eventually(() => {
    const names = folders()
    return names.length > 0 && processesIn(names) === names.length ? names : undefined
  }, 30_000)
  worker?.kill('SIGKILL')
  await eventually(() => processesIn(left) === 0, 10_000)
  expect(folders()).toEqual(expect.arrayContaining(left))
  // Until then it counts as alive, and what it holds is left alone.
  await pause(deadAfterMs + 1000)
  e2e().stack.addWorker('next', { TELPHER_EXECUTOR: 'process', TMPDIR: jobs })
  await eventually(() => folders().length > 0 && folders().every((name) => !left.includes(name)), 30_000)
  const silent = JSON.parse((await e2e().cli('doctor', '--server', '-o', 'json')).stdout) as DoctorReport
  expect(silent.checks.filter(({ id }) => id === 'worker-silent')).toMatchObject([
    { status: 'warn', seen: expect.stringContaining('trial') },
  ])
})
