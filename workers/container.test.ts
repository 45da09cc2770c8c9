import { Duplex } from 'node:stream'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Container, ContainerExit, ContainerSpec, Executor } from '../src/model/ports.ts'
import { encodeFrame } from '../src/tether/frames.ts'
import { openContainer } from './container.ts'

const spec: ContainerSpec = { image: 'exec', labels: {}, memoryBytes: 100, cpus: 1, pids: 10, scratchBytes: 1 }

/** A DOUBLE of a container that is frozen, or whose engine hangs: nothing is heard of its end. */
const setUp = (exited: Promise<ContainerExit> = new Promise(() => {})) => {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
  const kill = vi.fn(async () => void stream.destroy())
  const container: Container = { id: 'frozen', stream, exited, kill }
  const executor: Executor = { probe: async () => {}, start: async () => container, reap: async () => 0 }
  const onEnd = vi.fn()
  const opening = openContainer(executor, spec, onEnd)
  const ready = async () => {
    stream.push(encodeFrame({ type: 'ready', channel: 0, sequence: 1, payload: Buffer.from('{"version":1,"port":1}') }))
    return (await opening).use({ onOutput: () => {}, onConnection: () => {} })
  }
  return { stream, kill, onEnd, opening, ready }
}

const job = { argv: ['true'], env: {}, cwd: '/' }
beforeEach(() => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
})

test('one that freezes under its job is killed, and the job ends although nobody hears of its end', async () => {
  const { kill, ready } = setUp()
  const ran = (await ready()).run(job).catch((thrown: unknown) => thrown)
  await vi.advanceTimersByTimeAsync(36_000)
  expect(kill).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await ran).toMatchObject({ code: 'tether_silent' })
})

test('one that freezes before it is ready is given up', async () => {
  const { kill, onEnd, opening } = setUp()
  const opened = opening.catch((thrown: unknown) => thrown)
  await vi.advanceTimersByTimeAsync(46_000)
  expect(await opened).toMatchObject({ code: 'tether_silent' })
  expect(kill).toHaveBeenCalled()
  expect(onEnd).toHaveBeenCalledWith()
})

test('with an engine that hangs a tether that broke ends the job, and nothing is killed before its time', async () => {
  const { stream, kill, ready } = setUp()
  const ran = (await ready()).run(job).catch((thrown: unknown) => thrown)
  stream.push(null)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(await ran).toMatchObject({ code: 'tether_cut' })
  expect(kill).not.toHaveBeenCalled()
})

test('an end that is heard in time explains the tether that broke', async () => {
  const { promise, resolve } = Promise.withResolvers<ContainerExit>()
  const { stream, ready } = setUp(promise)
  const ran = (await ready()).run(job).catch((thrown: unknown) => thrown)
  stream.push(null)
  await vi.advanceTimersByTimeAsync(9000)
  resolve({ code: 137, oomKilled: true })
  expect(await ran).toMatchObject({ code: 'job_oom' })
})
