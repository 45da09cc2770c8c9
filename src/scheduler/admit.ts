import type { JobRef, LockName } from '../model/deployment.ts'
import type { LockEntry, LockState } from '../store/types.ts'

const isSame = (a: JobRef, b: JobRef): boolean => a.jobId === b.jobId && a.deploymentId === b.deploymentId

/** Who became ready first comes first, whichever scheduler asked first. */
const isBefore = (a: LockEntry, b: LockEntry): boolean =>
  a.since !== b.since ? a.since < b.since : a.deploymentId !== b.deploymentId ? a.deploymentId < b.deploymentId : a.jobId < b.jobId

/** Whether this job holds the lock. */
export const isHolder = (lock: LockState, ref: JobRef): boolean => lock.holder !== undefined && isSame(lock.holder, ref)

const isCooling = (lock: LockState, now: number): boolean => lock.cooling !== undefined && lock.cooling.until > now

/**
 * A job asks for its lock: it takes it when it is free, cold and its turn, and else stands in the queue.
 * The lock is held by the job from here to its end, over all its attempts.
 * @param entry the job; `since` is when it became ready
 * @param now ms since the epoch, by the clock of Redis
 * @returns the lock afterwards; the same object when nothing changed
 */
export const admit = (lock: LockState, entry: LockEntry, now: number): LockState => {
  if (isHolder(lock, entry)) return lock
  const stands = lock.queue.some((other) => isSame(other, entry))
  const place = lock.queue.findIndex((other) => isBefore(entry, other))
  const queue = stands ? lock.queue : lock.queue.toSpliced(place === -1 ? lock.queue.length : place, 0, entry)
  const [first, ...rest] = queue
  const isTurn = lock.holder === undefined && !isCooling(lock, now) && first !== undefined && isSame(first, entry)
  if (isTurn) return { holder: { ...entry, since: now }, queue: rest }
  return stands ? lock : { ...lock, queue }
}

/** A job that has ended gives its lock, or its place in the queue, back. The same object when it had neither. */
export const release = (lock: LockState, ref: JobRef): LockState => {
  const queue = lock.queue.filter((entry) => !isSame(entry, ref))
  if (!isHolder(lock, ref)) return queue.length === lock.queue.length ? lock : { ...lock, queue }
  const { holder: _, ...rest } = lock
  return { ...rest, queue }
}

/**
 * A write of a lost attempt may still be open at the API server: the lock passes to no other job before that is over.
 * @param until ms since the epoch, by the clock of Redis
 */
export const cool = (lock: LockState, deploymentId: string, until: number): LockState =>
  lock.cooling !== undefined && lock.cooling.until >= until ? lock : { ...lock, cooling: { until, deploymentId } }

/** What a job that did not get its lock waits for. */
export type Blocker =
  | { readonly kind: 'holder' | 'ahead'; readonly entry: LockEntry }
  | { readonly kind: 'cooling'; readonly until: number; readonly deploymentId: string }

/** What stands between a job and its lock; undefined for its holder and for one that has only to ask again. */
export const blockerOf = (lock: LockState, ref: JobRef, now: number): Blocker | undefined => {
  if (isHolder(lock, ref)) return undefined
  if (lock.holder !== undefined) return { kind: 'holder', entry: lock.holder }
  if (lock.cooling !== undefined && isCooling(lock, now)) return { kind: 'cooling', ...lock.cooling }
  const [first] = lock.queue
  return first === undefined || isSame(first, ref) ? undefined : { kind: 'ahead', entry: first }
}

/** A lock for a person, such as `Helm release web in shop`. */
const describeLock = ({ subject, namespace }: LockName): string => {
  const colon = subject.indexOf(':')
  const kind = subject.slice(0, colon) === 'helm' ? 'Helm release' : 'inventory'
  return `${kind} ${subject.slice(colon + 1)} in ${namespace}`
}

const moment = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')

/** Why a job waits, as a sentence without its dot. */
export const reasonOf = (blocker: Blocker, name: LockName): string => {
  const what = describeLock(name)
  switch (blocker.kind) {
    case 'holder':
      return `deployment ${blocker.entry.deploymentId} holds ${what} (step ${blocker.entry.step}, since ${moment(blocker.entry.since)})`
    case 'ahead':
      return `deployment ${blocker.entry.deploymentId} is before it in the queue for ${what} (step ${blocker.entry.step})`
    case 'cooling':
      return `a write of a lost attempt of deployment ${blocker.deploymentId} may still change ${what} until ${moment(blocker.until)}`
  }
}
