import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Container } from '../../src/model/ports.ts'
import { type Docker, ensureDocker } from '../../src/sandbox/docker.ts'
import { execImage } from '../../src/sandbox/execImage.ts'
import { eventually } from '../support/eventually.ts'
import { dockerUnderTest } from './executor-engine.ts'
import { type ExecutorUnderTest, open, runJob, shell, specFor } from './executor-run.ts'

describe.each(['the engine’s streams', 'a door'])('the tether through %s', (way) => {
  let engine: Docker
  let under: ExecutorUnderTest

  beforeAll(async () => {
    engine = await ensureDocker({ own: true })
    const doorFolder = mkdtempSync(join(tmpdir(), 'doors-'))
    under = await dockerUnderTest(engine, execImage, way === 'a door' ? { doorFolder } : {})
  })
  afterAll(() => under?.close())

  test('an engine killed under 30 runs, some starting and some running: each is an error, none a success, and all is clean after its return', async () => {
    const containers: Container[] = []
    let up = 0
    const codes = Array.from({ length: 30 }, async () => {
      try {
        const running = await open(under, specFor(under, 'killed'))
        containers.push(running.container)
        const ended = running.run(shell('echo up; sleep 1000'))
        await Promise.race([ended, eventually(() => running.stdout.text === 'up\n')])
        up += 1
        await ended
        return 'success'
      } catch (error) {
        return (error as { code?: string }).code ?? String(error)
      }
    })
    await eventually(() => up >= 10, 60_000)
    await engine.kill('SIGKILL')

    const all = await Promise.all(codes)
    expect(all.length).toBe(30)
    for (const code of all) expect(['tether_cut', 'docker_unreachable', 'container_lost']).toContain(code)
    for (const { exited } of containers) await expect(exited).rejects.toMatchObject({ code: 'container_lost' })
    await expect(under.executor.probe()).rejects.toMatchObject({ code: 'docker_unreachable' })

    await engine.restart()
    await under.executor.probe()
    await Promise.all(containers.map((container) => container.kill()))
    await under.executor.reap(specFor(under, 'killed').labels)
    expect(await under.leftovers('killed')).toEqual([])
    const { exit, stdout } = await runJob(under, specFor(under, 'after'), shell('echo again'))
    expect([exit.code, stdout.text]).toEqual([0, 'again\n'])
  })

  test('a kill asked for while the engine is away is done when it is back', async () => {
    const running = await open(under, specFor(under, 'away'))
    await engine.kill('SIGKILL')
    const killed = running.container.kill()
    await engine.restart()
    await killed
    expect(await under.leftovers('away')).toEqual([])
  })

  test('an engine that hangs holds nobody for long: a cancelled start returns, and what it made is removed afterwards', async () => {
    await engine.kill('SIGSTOP')
    const abort = new AbortController()
    const starting = under.executor.start(specFor(under, 'hung'), abort.signal)
    abort.abort()
    await expect(starting).rejects.toMatchObject({ code: 'cancelled' })
    // A stop takes a moment to reach all threads of the engine.
    await eventually(async () => (await under.executor.probe().catch((error: { code?: string }) => error.code)) === 'docker_unreachable')
    await engine.kill('SIGCONT')
    // What the cancelled start asked for is done by now, or on its way.
    await runJob(under, specFor(under, 'after'), shell('true'))
    await eventually(async () => (await under.leftovers('hung')).length === 0)
  })
})
