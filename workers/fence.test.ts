import { expect, test } from 'vitest'
import type { Config } from '../src/config.ts'
import { createLog } from '../src/log.ts'
import type { AttemptRef } from '../src/model/deployment.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Grants } from '../src/model/ports.ts'
import type { JobStatus } from '../src/model/states.ts'
import type { AccountMode } from '../src/model/target.ts'
import type { FenceOutcome, Store } from '../src/store/index.ts'
import { createRegistry } from '../src/telemetry/registry.ts'
import { grantSweeper, isAttemptOver, runFence, sweepGrants } from './fence.ts'

const attempt: AttemptRef = { deploymentId: 'dep', jobId: 'job', attempt: 2 }

/** A store with one job and these targets; what it was told is in `told`. */
const storeOf = (job: { status: JobStatus; attempt: number } | undefined, targets: readonly [string, string, AccountMode][] = []) => {
  const told: FenceOutcome[] = []
  const turns = new Set<string>()
  const store = {
    jobs: {
      async get() {
        if (job === undefined) throw new TelpherError('unknown_deployment', 'there is none')
        return job
      },
    },
    targets: {
      get: async (name: string) => ({ name }),
      list: async () => targets.map(([name, pool, mode]) => ({ name, pool, account: { mode } })),
    },
    grants: {
      fenced: async (_: AttemptRef, outcome: FenceOutcome) => void told.push(outcome),
      sweepTurn: async (name: string) => !turns.has(name) && turns.add(name).size > 0,
    },
  }
  return { store: store as unknown as Store, told }
}
const depsOf = (store: Store, grants: Partial<Grants>) => ({
  store,
  grants: grants as Grants,
  log: createLog('error'),
  config: { pool: 'default' } as Config,
})

test.each<readonly [JobStatus, number, boolean]>([
  ['preparing', 2, false],
  ['running', 2, false],
  ['verifying', 2, false],
  ['running', 3, true],
  ['admitted', 2, true],
  ['pending', 2, true],
  ['succeeded', 2, true],
  ['lost', 2, true],
])('with its job %s at attempt %i the second attempt is over: %s', async (status, number, over) => {
  expect(await isAttemptOver(storeOf({ status, attempt: number }).store, attempt)).toBe(over)
})

test('of a job that nobody knows it is not known', async () => {
  expect(await isAttemptOver(storeOf(undefined).store, attempt)).toBe('unknown')
})

test('a fence says what came of it', async () => {
  const { store, told } = storeOf({ status: 'running', attempt: 2 })
  const registry = createRegistry('worker')
  await runFence({ target: 't', ...attempt }, { ...depsOf(store, { fence: async () => {} }), registry })
  const failing = { fence: () => Promise.reject(new TelpherError('fence_unproven', 'it is still taken')) }
  await runFence({ target: 't', ...attempt }, { ...depsOf(store, failing), registry })
  expect(told).toEqual([{ refused: true }, { refused: false, because: 'it is still taken' }])
  expect(registry.text()).toMatch(/^telpher_fences_total\{outcome="refused"\} 1\ntelpher_fences_total\{outcome="unproven"\} 1$/m)
})

test('targets of this pool whose tokens can be revoked are swept in turns; one that fails is nothing to the others', async () => {
  const targets: [string, string, AccountMode][] = [
    ['a', 'default', 'token-request'],
    ['b', 'default', 'static-token'],
    ['c', 'other', 'token-request'],
    ['d', 'default', 'token-request'],
  ]
  const swept: string[] = []
  const { store } = storeOf(undefined, targets)
  const sweep: Grants['sweep'] = async ({ name }) => {
    swept.push(name)
    if (name === 'a') throw new TelpherError('target_unreachable', 'away')
    return 1
  }
  await sweepGrants(depsOf(store, { sweep }))
  await sweepGrants(depsOf(store, { sweep }))
  expect(swept).toEqual(['a', 'd'])
})

test('a sweep that is called again while it goes on is one', async () => {
  const { store } = storeOf(undefined, [['a', 'default', 'token-request']])
  let lists = 0
  const release = Promise.withResolvers<void>()
  const list = async (): Promise<[]> => {
    lists++
    await release.promise
    return []
  }
  const slow = { ...store, targets: { ...store.targets, list } } as Store
  const sweep = grantSweeper(depsOf(slow, {}))
  sweep()
  sweep()
  expect(lists).toBe(1)
  release.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  sweep()
  expect(lists).toBe(2)
})
