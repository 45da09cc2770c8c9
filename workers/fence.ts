import type { AttemptRef } from '../src/model/deployment.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { isTerminal } from '../src/model/states.ts'
import { untilThrough } from '../src/store/index.ts'
import type { WorkerDeps } from './attempt.ts'

type FenceDeps = Pick<WorkerDeps, 'store' | 'grants' | 'log' | 'config'>
type RunFenceDeps = Pick<WorkerDeps, 'store' | 'grants' | 'log' | 'registry'>

/** Revokes what a lost attempt was given, and says whether the API server was seen to refuse it. */
export const runFence = async ({ target: name, ...rest }: { readonly target: string } & AttemptRef, deps: RunFenceDeps): Promise<void> => {
  const { store, grants, log } = deps
  const attempt: AttemptRef = { deploymentId: rest.deploymentId, jobId: rest.jobId, attempt: rest.attempt }
  const target = await untilThrough(() => store.targets.get(name))
  const outcome = await grants.fence(target, attempt).then(
    () => ({ refused: true }),
    (thrown: unknown) => ({ refused: false, because: toTelpherError(thrown).message }),
  )
  log.warn({ ...attempt, target: name, ...outcome }, 'a lost attempt was fenced')
  await untilThrough(() => store.grants.fenced(attempt, outcome))
  deps.registry.add('telpher_fences_total', { outcome: outcome.refused ? 'refused' : 'unproven' })
}

/** An attempt is over when its job ended, or waits to be started anew, or was. */
export const isAttemptOver = async (store: FenceDeps['store'], attempt: AttemptRef): Promise<boolean | 'unknown'> => {
  try {
    const job = await store.jobs.get(attempt)
    return isTerminal(job.status) || job.status === 'admitted' || job.status === 'pending' || job.attempt !== attempt.attempt
  } catch (thrown) {
    if (toTelpherError(thrown).code === 'unknown_deployment') return 'unknown'
    throw thrown
  }
}

/** Between two sweeps of a target, in ms. */
export const sweepMs = 60_000

/**
 * Revokes what ended attempts left at the targets of this worker's pool; of all its workers one looks at a target in a minute.
 * What cannot be swept now is swept the next time.
 */
export const sweepGrants = async ({ store, grants, log, config }: FenceDeps): Promise<void> => {
  for (const target of await store.targets.list()) {
    if (target.pool !== config.pool || target.account.mode !== 'token-request') continue
    // A little less than the time between two sweeps, so that a worker that is alone finds its own turn over.
    if (!(await store.grants.sweepTurn(target.name, sweepMs * 0.9))) continue
    await grants
      .sweep(target, (attempt) => isAttemptOver(store, attempt))
      .then((swept) => {
        if (swept > 0) log.warn({ target: target.name, swept }, 'credentials of ended attempts were revoked')
      })
      .catch((err: unknown) => log.warn({ err, target: target.name }, 'credentials are not swept'))
  }
}

/** Sweeps when it is called, unless it still does: targets that do not answer can make a sweep longer than the time between two. */
export const grantSweeper = (deps: FenceDeps): (() => void) => {
  let isSweeping = false
  return () => {
    if (isSweeping) return
    isSweeping = true
    sweepGrants(deps)
      .catch((err: unknown) => deps.log.warn({ err }, 'credentials are not swept'))
      .finally(() => {
        isSweeping = false
      })
  }
}
