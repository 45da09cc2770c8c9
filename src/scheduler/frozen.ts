import type { Job } from '../model/deployment.ts'
import { type Freeze, freezeOf } from '../model/freeze.ts'
import type { Look } from './look.ts'

/**
 * The freeze that keeps a job from beginning, asked with each look: one that was set is in force for all that is admitted after it.
 * @param now the clock of Redis
 */
export const freezeFor = async (look: Look, job: Job, now: number): Promise<Freeze | undefined> => {
  const freezes = await look.freezes()
  if (freezes.length === 0) return undefined
  // A target that was removed has no tags.
  const tags = freezes.some((freeze) => freeze.tags !== undefined) ? ((await look.target(job.target))?.tags ?? []) : []
  return freezeOf(freezes, { name: job.target, tags }, now)
}
