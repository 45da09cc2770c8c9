import { isForNewer } from '../model/envelope.ts'
import type { Store } from '../store/types.ts'

/** A newer server says something of what it took well within this time, in ms. */
const quietMs = 15_000

/** What is said where none does. */
const reason = 'no server that runs is new enough for it: start one of the version that took it'

/**
 * Leaves a deployment to newer servers: this one would do only those parts of it that it understands.
 * @param now the clock of Redis
 * @returns whether it is left to them
 */
export const leaveToNewer = async (
  { deployment, jobs }: Awaited<ReturnType<Store['deployments']['snapshot']>>,
  store: Pick<Store, 'jobs'>,
  now: number,
): Promise<boolean> => {
  if (!isForNewer(deployment)) return false
  const [first] = jobs
  const isQuiet = deployment.state === 'pending' && first?.job.waitsFor === undefined && now - deployment.createdAt > quietMs
  if (isQuiet && first !== undefined) await store.jobs.waiting(first.job, reason)
  return true
}
