import type { Job } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { type Freeze, freezeOf } from '../model/freeze.ts'
import type { SchedulerStore } from './types.ts'

/** A target that was removed has no tags. */
const tagsOf = async (store: SchedulerStore, name: string): Promise<readonly string[]> => {
  try {
    return (await store.targets.get(name)).tags
  } catch (thrown) {
    if (thrown instanceof TelpherError && thrown.code === 'unknown_target') return []
    throw thrown
  }
}

/**
 * The freeze that keeps a job from beginning, asked each time: one that was set is in force for all that is admitted after it.
 * @param now the clock of Redis
 */
export const freezeFor = async (store: SchedulerStore, job: Job, now: number): Promise<Freeze | undefined> => {
  const freezes = await store.freezes.list(now)
  if (freezes.length === 0) return undefined
  const tags = freezes.some((freeze) => freeze.tags !== undefined) ? await tagsOf(store, job.target) : []
  return freezeOf(freezes, { name: job.target, tags }, now)
}
