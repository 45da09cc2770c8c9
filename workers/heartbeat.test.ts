import { afterEach, expect, test, vi } from 'vitest'
import type { Log } from '../src/log.ts'
import { type Held, startHeartbeat } from './heartbeat.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent } as unknown as Log
const describeWorker = () => ({ id: 'wrk', name: 'w', pool: 'p', version: '1', state: 'available', concurrency: 1, startedAt: 0 }) as const

const holding = (): Held & { readonly said: string[] } => {
  const said: string[] = []
  return {
    said,
    deploymentId: 'dep',
    jobId: 'job',
    attempt: 3,
    since: 5,
    openWrites: () => 2,
    renewed: () => said.push('renewed'),
    superseded: () => said.push('superseded'),
    handBack: () => said.push('handed back'),
    cancel: (force: boolean) => said.push(force ? 'cancel by force' : 'cancel'),
  } as Held & { said: string[] }
}

afterEach(() => {
  vi.useRealTimers()
})

test.each([
  [{ held: true, cancelRequested: false, cancelForced: false }, ['renewed']],
  [{ held: true, cancelRequested: true, cancelForced: false }, ['renewed', 'cancel']],
  [{ held: true, cancelRequested: true, cancelForced: true }, ['renewed', 'cancel by force']],
  [{ held: false, cancelRequested: false, cancelForced: false }, ['superseded']],
])('what Redis answers is passed on: %o', async (answer, said) => {
  const beats: unknown[] = []
  const heartbeat = startHeartbeat(
    {
      beat: async (record) => {
        beats.push(record)
        return { drainAsked: false }
      },
      renew: async () => answer,
    },
    describeWorker,
    silent,
  )
  const attempt = holding()
  heartbeat.hold(attempt)
  await heartbeat.beat()
  await heartbeat.stop()
  expect(attempt.said).toEqual(said)
  expect(beats[0]).toMatchObject({ id: 'wrk', attempts: [{ deploymentId: 'dep', jobId: 'job', attempt: 3, openWrites: 2, since: 5 }] })
})

test('no answer proves nothing, and a released attempt hears no more', async () => {
  const renew = vi.fn(() => Promise.reject(new Error('no Redis')))
  const heartbeat = startHeartbeat({ beat: () => Promise.reject(new Error('no Redis')), renew }, describeWorker, silent)
  const attempt = holding()
  heartbeat.hold(attempt)
  await heartbeat.beat()
  heartbeat.release(attempt)
  await heartbeat.beat()
  await heartbeat.stop()
  expect(attempt.said).toEqual([])
  expect(renew).toHaveBeenCalledTimes(1)
})

test('beats by itself every two seconds, until stopped', async () => {
  vi.useFakeTimers()
  const beat = vi.fn(async () => ({ drainAsked: false }))
  const heartbeat = startHeartbeat(
    { beat, renew: async () => ({ held: true, cancelRequested: false, cancelForced: false }) },
    describeWorker,
    silent,
  )
  await vi.advanceTimersByTimeAsync(6100)
  expect(beat).toHaveBeenCalledTimes(3)
  await heartbeat.stop()
  await vi.advanceTimersByTimeAsync(6000)
  expect(beat).toHaveBeenCalledTimes(3)
})

test('a worker that stood still is heard again before it begins anything', async () => {
  vi.useFakeTimers()
  const beat = vi.fn(async () => ({ drainAsked: false }))
  const warned = vi.fn()
  const log = { ...silent, warn: warned } as unknown as Log
  const heartbeat = startHeartbeat(
    { beat, renew: async () => ({ held: true, cancelRequested: false, cancelForced: false }) },
    describeWorker,
    log,
  )
  await heartbeat.heard()
  await heartbeat.heard()
  expect(beat).toHaveBeenCalledTimes(1)
  // What SIGSTOP does: the clock goes on, no timer is served.
  const later = performance.now() + 60_000
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => later)
  await heartbeat.heard()
  expect(beat).toHaveBeenCalledTimes(2)
  await vi.advanceTimersByTimeAsync(2100)
  expect(warned).toHaveBeenCalledWith({ lateMs: expect.any(Number) }, expect.stringContaining('stood still'))
  clock.mockRestore()
  await heartbeat.stop()
})

test('a wish to drain is passed on', async () => {
  const drain = vi.fn()
  const renew = async () => ({ held: true, cancelRequested: false, cancelForced: false })
  const heartbeat = startHeartbeat({ beat: async () => ({ drainAsked: true }), renew }, describeWorker, silent, drain)
  await heartbeat.beat()
  await heartbeat.stop()
  expect(drain).toHaveBeenCalledOnce()
})
