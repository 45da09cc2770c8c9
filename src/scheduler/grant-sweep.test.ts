import { expect, test } from 'vitest'
import type { AttemptRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import type { Minting } from '../model/ports.ts'
import type { JobStatus } from '../model/states.ts'
import type { AccountMode } from '../model/target.ts'
import type { Store } from '../store/index.ts'
import { isAttemptOver, startGrantSweep, sweepGrants } from './grant-sweep.ts'

const attempt: AttemptRef = { deploymentId: 'dep', jobId: 'job', attempt: 2 }

/** A store with one job and these targets. */
const storeOf = (
  job: { status: JobStatus; attempt: number } | undefined,
  targets: readonly [string, string, AccountMode][] = [],
): Store => {
  const turns = new Set<string>()
  const store = {
    jobs: {
      async get() {
        if (job === undefined) throw new TelpherError('unknown_deployment', 'there is none')
        return job
      },
    },
    targets: {
      list: async () => targets.map(([name, pool, mode]) => ({ name, pool, account: { mode } })),
    },
    grants: {
      sweepTurn: async (name: string) => !turns.has(name) && turns.add(name).size > 0,
    },
  }
  return store as unknown as Store
}

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
  expect(await isAttemptOver(storeOf({ status, attempt: number }), attempt)).toBe(over)
})

test('of a job that nobody knows it is not known', async () => {
  expect(await isAttemptOver(storeOf(undefined), attempt)).toBe('unknown')
})

test('targets whose tokens can be revoked are swept in turns; one that fails is nothing to the others', async () => {
  const targets: [string, string, AccountMode][] = [
    ['a', 'default', 'token-request'],
    ['b', 'default', 'static-token'],
    ['c', 'other', 'token-request'],
    ['d', 'default', 'token-request'],
  ]
  const swept: string[] = []
  const store = storeOf(undefined, targets)
  const sweep: Minting['sweep'] = async ({ name }) => {
    swept.push(name)
    if (name === 'a') throw new TelpherError('target_unreachable', 'away')
    return 1
  }
  const deps = { store, sweep, log: () => {} }
  await sweepGrants(deps)
  await sweepGrants(deps)
  expect(swept).toEqual(['a', 'c', 'd'])
})

test('the loop sweeps again and again, takes the turn for a little less than the time between, and ends with its signal', async () => {
  const turns: number[] = []
  let sweeps = 0
  const ending = new AbortController()
  const base = storeOf(undefined, [['a', 'default', 'token-request']])
  const store = { ...base, grants: { ...base.grants, sweepTurn: async (_: string, ms: number) => turns.push(ms) > 0 } }
  const { promise, resolve } = Promise.withResolvers<void>()
  const sweep: Minting['sweep'] = async () => {
    sweeps++
    if (sweeps === 2) throw new TelpherError('target_unreachable', 'away')
    if (sweeps === 4) resolve()
    return 0
  }
  const loop = startGrantSweep({ store, sweep, log: () => {}, everyMs: 10, signal: ending.signal })
  await promise
  ending.abort()
  await loop.stopped
  expect(turns).toEqual([9, 9, 9, 9])
})
