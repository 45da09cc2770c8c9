import type { Job } from '../model/deployment.ts'
import { neededVersion } from '../model/envelope.ts'
import type { SeenWorker } from '../model/worker.ts'

/** At most so many workers are named in one sentence. */
const mostNamed = 3

const namesOf = (workers: readonly SeenWorker[]): string => {
  const named = workers.slice(0, mostNamed).map(({ name, version }) => `${name} (${version})`)
  const more = workers.length - named.length
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ')
}

/** Those of the job's pool that take work, where a sweep has heard any. */
const takingOf = (job: Job, workers: readonly SeenWorker[] | undefined): readonly SeenWorker[] | undefined =>
  workers?.filter((worker) => worker.pool === job.pool && worker.state !== 'draining')

/**
 * Why no worker that is heard understands a job, although there are some: they would put it back, again and again.
 * @param workers those that are heard; undefined when nothing is known yet
 * @returns undefined when there is no such reason
 */
export const tooOldFor = (job: Job, workers: readonly SeenWorker[] | undefined): string | undefined => {
  const taking = takingOf(job, workers) ?? []
  const needed = neededVersion(job.step)
  if (taking.length === 0 || taking.some(({ envelope = 1 }) => envelope >= needed)) return undefined
  return `no worker in pool ${job.pool} is new enough for it: replace ${namesOf(taking)} by newer ones`
}

/** Why nobody who is heard could start a job; undefined when somebody could, or when nothing is known yet. */
export const nobodyFor = (job: Job, workers: readonly SeenWorker[] | undefined): string | undefined =>
  takingOf(job, workers)?.length === 0 ? `no worker in pool ${job.pool} is alive` : tooOldFor(job, workers)
