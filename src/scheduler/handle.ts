import type { Deployment, Job } from '../model/deployment.ts'
import { frozenReason } from '../model/freeze.ts'
import { pausedReason } from '../model/pool.ts'
import { isTerminal, type Result } from '../model/states.ts'
import type { SeenWorker } from '../model/worker.ts'
import type { QueueItem } from '../queue/types.ts'
import { nobodyFor, tooOldFor } from './able.ts'
import { type Action, advance } from './advance.ts'
import { freezeFor } from './frozen.ts'
import { clearRoom } from './leftovers.ts'
import { createLook, type Look } from './look.ts'
import { leaveToNewer } from './newer.ts'
import { fullPlace, leavePlaces, leavePool, placesFor, takePlaces } from './places.ts'
import { noteIfPoolIsFull, noteWait, type Seen } from './seen.ts'
import { askForLock, endInsteadOfWaiting, giveBack, holdsLock } from './turn.ts'
import type { SchedulerQueue, SchedulerStore, SchedulerTimes } from './types.ts'

export interface HandleContext {
  readonly store: SchedulerStore
  readonly queue: SchedulerQueue
  readonly times: SchedulerTimes
  /** The clock of Redis, ms since the epoch. */
  now(): number
  /** The workers that are heard, as of the last sweep; undefined before the first. */
  workers(): readonly SeenWorker[] | undefined
  /** Told what was seen of a deployment; undefined when it has ended, or is gone. */
  saw(deploymentId: string, seen: Seen | undefined): void
  /** Told a deployment that this server brought to its end, and its jobs. */
  finished(deployment: Deployment, jobs: readonly Job[]): void
  /** Asks for another deployment to be looked at. */
  nudge(deploymentId: string): void
  /** Whether it is time to look for an admitted job in the queue; says yes once in a while for each. */
  isLookDue(job: Job, admittedAt: number): boolean
  /** Whether it is time to look who is in a room; says yes once in a while for each. */
  isRoomDue(room: string): boolean
}

/** The next attempt of an admitted job, as it stands in the queue. */
export const itemOf = (job: Job): QueueItem => ({
  kind: 'job',
  deploymentId: job.deploymentId,
  jobId: job.jobId,
  attempt: job.attempt + 1,
})

const say = (look: Look, job: Job, reason: string): void => {
  look.words.set(job.jobId, { job, reason })
}

/** Writes why jobs wait, where that is not what they said before. */
const writeWords = async (store: SchedulerStore, { words }: Look): Promise<void> => {
  const news = [...words.values()].filter(({ job, reason }) => job.waitsFor !== reason)
  await Promise.all(news.map(({ job, reason }) => store.jobs.waiting(job, reason)))
}

/** Says at once when nobody is there who could start it. @returns whether that is so */
const sayIfNobody = ({ workers }: HandleContext, look: Look, job: Job): boolean => {
  const reason = nobodyFor(job, workers())
  if (reason !== undefined) say(look, job, reason)
  return reason !== undefined
}

/** What keeps others out of a full room may be nobody any more. */
const clearing =
  ({ store, nudge, isRoomDue }: HandleContext) =>
  async (room: string): Promise<void> => {
    if (!isRoomDue(room)) return
    const { next } = await clearRoom(store, await store.holdings.room(room))
    next.forEach(nudge)
  }

/** Sees to it that an admitted job is in the queue, although a server or a worker died between two steps. */
const awaitStart = async (context: HandleContext, look: Look, job: Job, admittedAt: number): Promise<boolean> => {
  const { store, queue, times, now, workers } = context
  const { notBefore = 0 } = job
  if (now() < notBefore) {
    const first = await leavePool(store, job)
    if (first !== undefined) context.nudge(first)
    return false
  }
  noteWait(look, job, Math.max(admittedAt, notBefore))
  const isNobodys = sayIfNobody(context, look, job)
  // Nobody enqueued an attempt that had to wait: its first look is due at once.
  if (!context.isLookDue(job, notBefore > admittedAt ? notBefore - times.lookAfterMs : admittedAt)) return false
  const held = await queue.holds(job.pool, itemOf(job))
  if (held === 'waiting') {
    if (!isNobodys && workers()?.some((worker) => worker.pool === job.pool))
      say(look, job, `the workers of pool ${job.pool} are busy with other jobs`)
    return false
  }
  if (held === 'taken') {
    if (now() - Math.max(admittedAt, notBefore) >= times.takenMs) await queue.enqueue(job.pool, itemOf(job), 1)
    return false
  }
  // It may have been started, and even ended, since this look began.
  const current = await store.jobs.get(job)
  if (current.status !== 'admitted' || current.attempt !== job.attempt) return false
  // Whoever it was admitted by, it must not run without its lock.
  if (!(await holdsLock(store, job))) {
    const { turn, blocked } = await askForLock(store, job, admittedAt, now(), context.nudge)
    if (blocked !== undefined) say(look, job, blocked.reason)
    if (turn !== 'taken') return turn === 'ask-again'
  }
  // One that waited for its next attempt has left the pool meanwhile.
  const reason = await takePlaces(store, look, job, await placesFor(look, job, workers()), context.nudge, clearing(context))
  if (reason === undefined) await queue.enqueue(job.pool, itemOf(job))
  else say(look, job, reason)
  return false
}

const begin = async ({ store, now }: HandleContext, id: string): Promise<void> => {
  await store.deployments.advance(id, 'pending', 'executing', { startedAt: now() })
}

const admitJob = async (context: HandleContext, look: Look, job: Job, readyAt: number): Promise<boolean> => {
  const { store, queue, workers, now, nudge } = context
  const [freeze, pool] = await Promise.all([freezeFor(look, job, now()), look.pool(job.pool)])
  const barred = freeze === undefined ? (pausedReason(pool) ?? tooOldFor(job, workers())) : frozenReason(freeze)
  if (barred !== undefined) {
    await standBack(context, look, job, barred)
    return false
  }
  const full = fullPlace(look, job)
  if (full !== undefined) {
    noteIfPoolIsFull(look, job, readyAt)
    say(look, job, full)
    return false
  }
  const places = await placesFor(look, job, workers())
  const asked = await askForLock(store, job, readyAt, now(), nudge)
  const end = endInsteadOfWaiting(asked, job, look.deployment.request.whenBusy)
  if (end !== undefined) return (await store.jobs.apply(job, { type: 'end', attempt: job.attempt, end })).ok
  if (asked.blocked !== undefined) say(look, job, asked.blocked.reason)
  if (asked.turn !== 'taken') return asked.turn === 'ask-again'
  const reason = await takePlaces(store, look, job, places, nudge, clearing(context))
  if (reason !== undefined) {
    noteIfPoolIsFull(look, job, readyAt)
    say(look, job, reason)
    return false
  }
  const applied = await store.jobs.apply(job, { type: 'admit' })
  if (applied.ok) {
    // Whoever's word moved it enqueues it, so that it is enqueued once; awaitStart sees to the rest.
    if (await holdsLock(store, job)) await queue.enqueue(job.pool, itemOf(applied.job))
    if (look.deployment.state === 'pending') await begin(context, job.deploymentId)
    sayIfNobody(context, look, applied.job)
  } else if (isTerminal(applied.job.status)) {
    // Its end was settled while this look went on: by now another job of the deployment may stand in the queues.
    await leave(context, job, { queue: false })
  }
  return false
}

/** Gives the lock and all places back, or those in their queues, and has whoever comes next looked at. */
const leave = async ({ store, nudge }: HandleContext, job: Job, options?: { readonly queue: boolean }): Promise<void> => {
  const [lock, next] = await Promise.all([giveBack(store, job.lock, job), leavePlaces(store, job, options)])
  const [first] = lock.queue
  if (lock.holder === undefined && first !== undefined) nudge(first.deploymentId)
  next.forEach(nudge)
}

/** A job that may not begin keeps nobody waiting who may: another target of the same cluster shares its locks. */
const standBack = async (context: HandleContext, look: Look, job: Job, reason: string): Promise<void> => {
  if (job.waitsFor === reason) return
  await leave(context, job)
  say(look, job, reason)
}

const settle = async (context: HandleContext, job: Job): Promise<void> => {
  await leave(context, job)
  await context.store.jobs.settle(job)
}

const finish = async ({ store, now, finished }: HandleContext, look: Look, jobs: readonly Job[], result: Result): Promise<void> => {
  const { deployment } = look
  const endedAt = now()
  const isOurs = await store.deployments.advance(deployment.id, deployment.state, 'finished', { result, endedAt }, { onlySettled: true })
  if (isOurs) finished({ ...deployment, state: 'finished', result, endedAt }, jobs)
}

/** Does one action; true when others may follow from it now. */
const perform = async (
  context: HandleContext,
  look: Look,
  id: string,
  jobs: readonly Job[],
  action: Exclude<Action, { type: 'settle' }>,
): Promise<boolean> => {
  const { store } = context
  switch (action.type) {
    case 'execute':
      await begin(context, id)
      return false
    case 'admit':
      return admitJob(context, look, action.job, action.readyAt)
    case 'hold':
      say(look, action.job, action.reason)
      return false
    case 'await-start':
      return awaitStart(context, look, action.job, action.admittedAt)
    case 'skip':
      await store.jobs.apply(action.job, { type: 'end', attempt: action.job.attempt, end: action.end })
      return true
    case 'finish':
      await finish(context, look, jobs, action.result)
      return false
  }
}

/** A deployment of 50 steps that skips them one look after the other is done well before this. */
const maxRounds = 100

/**
 * Takes a deployment as far as it goes now. Any number of servers may do so at once, and any of them may die anywhere in it.
 * @throws TelpherError unknown_deployment when it has no record; redis_timeout, redis_unreachable
 */
export const handleDeployment = async (context: HandleContext, id: string): Promise<void> => {
  for (let round = 0; round < maxRounds; round++) {
    const snapshot = await context.store.deployments.snapshot(id)
    const { deployment, jobs } = snapshot
    const { state } = deployment
    if (state === 'finished') {
      context.saw(id, undefined)
      return context.store.deployments.forget(id)
    }
    if (await leaveToNewer(snapshot, context.store, context.now())) return
    const actions = advance(deployment, jobs, context.now())
    const ended = actions.filter((action) => action.type === 'settle')
    // Its own jobs that wait are asked about below.
    const others = { ...context, nudge: (other: string) => (other === id ? undefined : context.nudge(other)) }
    await Promise.all(ended.map(({ job }) => settle(others, job)))
    // What follows from their ends stands among these actions already; only the end of them all does not.
    let isChanged = ended.length > 0 && jobs.every(({ job }) => isTerminal(job.status))
    const look = createLook(
      context.store,
      deployment,
      actions.flatMap((action) => (action.type === 'admit' ? [action.job] : [])),
      context.now,
    )
    const all = jobs.map(({ job }) => job)
    for (const action of actions) {
      if (action.type !== 'settle' && (await perform(context, look, id, all, action))) isChanged = true
    }
    const isOver = actions.some((action) => action.type === 'finish')
    context.saw(id, isOver ? undefined : { state, deployment, waits: look.waits })
    await writeWords(context.store, look)
    if (!isChanged) return
  }
}
