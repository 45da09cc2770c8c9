import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobProcesses } from '../../src/executors/jobProcesses.ts'
import { processExecutor } from '../../src/executors/process.ts'
import { identify } from '../../src/sandbox/procfs.ts'
import { shimPath } from '../../src/sandbox/shim.ts'
import { eventually } from '../support/eventually.ts'
import { executorContract } from './executor.ts'
import { type ExecutorUnderTest, open, runJob, runLabel, shell, specFor, tarOf } from './executor-run.ts'

interface ProcessUnderTest extends ExecutorUnderTest {
  readonly root: string
  readonly shim: string
}

const path = process.env['PATH'] ?? '/usr/bin:/bin'

const begin = async (): Promise<ProcessUnderTest> => {
  const root = `${mkdtempSync(`${tmpdir()}/telpher-process-`)}/jobs`
  const shim = await shimPath()
  const labelsOf = (id: string): Record<string, string> => {
    try {
      return JSON.parse(readFileSync(`${root}/${id}/labels.json`, 'utf8')) as Record<string, string>
    } catch {
      return {}
    }
  }
  // Folders that were once seen are looked for by their processes too, after they are gone.
  const seen = new Map<string, string>()
  return {
    root,
    shim,
    executor: processExecutor({ shimPath: shim, root, image: 'own', path, programs: ['sh'] }),
    image: 'own',
    cwd: '/',
    env: {},
    leftovers: async (run) => {
      const ids = existsSync(root) ? readdirSync(root).filter((id) => labelsOf(id)[runLabel] === run) : []
      for (const id of ids) seen.set(id, run)
      const processes = [...seen].filter(([, of]) => of === run).flatMap(([id]) => jobProcesses(`${root}/${id}/work`))
      return [...ids.map((id) => `folder ${id}`), ...processes.map((pid) => `process ${pid}`)]
    },
    close: async () => rmSync(root, { recursive: true, force: true }),
  }
}

executorContract('process', begin)

describe('the process executor', () => {
  let under: ProcessUnderTest
  beforeAll(async () => {
    under = await begin()
  })
  afterAll(() => under?.close())

  test('a job sees a folder of its own, and of the environment what it was given', async () => {
    process.env['TELPHER_CANARY'] = 'canary'
    const running = await open(under, specFor(under, 'own'))
    const exit = await running.run(shell('pwd; env; stat -c %a . secret; cat secret'), { GIVEN: 'yes' }, tarOf('secret', 'of the job'))
    delete process.env['TELPHER_CANARY']
    const { folder = '' } = running.container.place ?? {}
    expect(exit.code).toBe(0)
    expect(running.stdout.text.split('\n').sort()).toEqual(
      [folder, `HOME=${folder}`, `PATH=${path}`, `PWD=${folder}`, 'GIVEN=yes', '700', '600', 'of the job'].sort(),
    )
    await running.container.kill()
    expect(existsSync(folder)).toBe(false)
  })

  test('jobs at the same time find their API server at ports of their own', async () => {
    const running = await Promise.all(Array.from({ length: 5 }, () => open(under, specFor(under, 'ports'))))
    const ports = await Promise.all(running.map(async ({ tether }) => (await tether.ready).port))
    expect(new Set(ports).size).toBe(5)
    await Promise.all(running.map(({ container }) => container.kill()))
  })

  test('what left the process group of its job ends with it', async () => {
    const { exit, stdout } = await runJob(
      under,
      specFor(under, 'escaped'),
      shell('setsid sleep 1000 >/dev/null 2>&1 & echo $!; sleep 0.2; cut -d" " -f5 /proc/$!/stat'),
    )
    expect(exit.code).toBe(0)
    const [pid = '', group] = stdout.text.trim().split('\n')
    expect(group).toBe(pid)
    expect(identify(Number(pid))).toBeUndefined()
    expect(await under.leftovers('escaped')).toEqual([])
  })

  test('after kill -9 of the worker the job ends by itself, and the next worker removes its folder', async () => {
    const labels = { [runLabel]: 'killed' }
    const script = `
      import { processExecutor } from '${new URL('../../src/executors/process.ts', import.meta.url)}'
      import { openTether } from '${new URL('../../src/tether/index.ts', import.meta.url)}'
      const options = ${JSON.stringify({ shimPath: under.shim, root: under.root, image: 'own', path, programs: [] })}
      const container = await processExecutor(options).start(${JSON.stringify({ ...specFor(under, 'killed'), labels })})
      const { folder, path } = container.place
      const tether = openTether(container.stream, { onOutput: () => { process.stdout.write(folder) }, onConnection: () => {} })
      await tether.ready
      await tether.run({ argv: ['sh', '-c', 'echo up; sleep 1000'], env: { PATH: path, HOME: folder }, cwd: folder })`
    const worker = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [said] = (await once(worker.stdout, 'data')) as [Buffer]
    const folder = said.toString()
    expect(jobProcesses(folder).length).toBeGreaterThan(1)
    const ended = once(worker, 'exit')
    worker.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    await eventually(() => jobProcesses(folder).length === 0)
    expect((await under.leftovers('killed')).length).toBe(1)
    expect(await under.executor.reap(labels)).toBe(1)
    expect(existsSync(folder)).toBe(false)
  })

  test('the probe and the start name what is missing', async () => {
    const executor = (more: object) =>
      processExecutor({ shimPath: under.shim, root: under.root, image: 'own', path, programs: [], ...more })
    await expect(executor({ programs: ['no-such-program'] }).probe()).rejects.toMatchObject({
      code: 'program_missing',
      message: expect.stringContaining('no-such-program'),
    })
    const missing = executor({ shimPath: '/nonexistent/shim' })
    await expect(missing.probe()).rejects.toMatchObject({ code: 'container_start', message: expect.stringContaining('/nonexistent/shim') })
    await expect(missing.start(specFor(under, 'missing'))).rejects.toMatchObject({ code: 'container_start' })
    expect(await under.leftovers('missing')).toEqual([])
  })

  test('a folder that others may write is not used', async () => {
    const root = `${under.root}/../open`
    mkdirSync(root)
    chmodSync(root, 0o777)
    const executor = processExecutor({ shimPath: under.shim, root, image: 'own', path, programs: [] })
    await expect(executor.start(specFor(under, 'open'))).rejects.toMatchObject({ code: 'container_start', field: root })
    rmSync(root, { recursive: true })
  })

  test('what is in its folder and none of its jobs is left alone', async () => {
    writeFileSync(`${under.root}/notes.txt`, 'mine')
    mkdirSync(`${under.root}/job-strange`)
    expect(await under.executor.reap({ [runLabel]: 'nobody' })).toBe(0)
    await expect(under.executor.reap({})).rejects.toMatchObject({ code: 'internal' })
    expect(readdirSync(under.root)).toEqual(expect.arrayContaining(['notes.txt', 'job-strange']))
  })
})
