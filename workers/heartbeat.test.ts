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
    openWrites: () => 2,
    renewed: () => said.push('renewed'),
    superseded: () => said.push('superseded'),
    cancel: () => said.push('cancel'),
  } as Held & { said: string[] }
}

afterEach(() => {
  vi.useRealTimers()
})

test.each([
  [{ held: true, cancelRequested: false }, ['renewed']],
  [{ held: true, cancelRequested: true }, ['renewed', 'cancel']],
  [{ held: false, cancelRequested: false }, ['superseded']],
])('what Redis answers is passed on: %o', async (answer, said) => {
  const beats: unknown[] = []
  const heartbeat = startHeartbeat({ beat: async (record) => void beats.push(record), renew: async () => answer }, describeWorker, silent)
  const attempt = holding()
  heartbeat.hold(attempt)
  await heartbeat.beat()
  await heartbeat.stop()
  expect(attempt.said).toEqual(said)
  expect(beats[0]).toMatchObject({ id: 'wrk', attempts: [{ deploymentId: 'dep', jobId: 'job', attempt: 3, openWrites: 2 }] })
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
  const beat = vi.fn(async () => {})
  const heartbeat = startHeartbeat({ beat, renew: async () => ({ held: true, cancelRequested: false }) }, describeWorker, silent)
  await vi.advanceTimersByTimeAsync(6100)
  expect(beat).toHaveBeenCalledTimes(3)
  await heartbeat.stop()
  await vi.advanceTimersByTimeAsync(6000)
  expect(beat).toHaveBeenCalledTimes(3)
})
