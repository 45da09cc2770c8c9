import type { Job, JobRef } from '../src/model/deployment.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { retryDelay } from '../src/model/retry.ts'
import { isTerminal, type JobEvent } from '../src/model/states.ts'
import type { JobLife } from '../src/steps/helm-pending.ts'
import { type RunResult, superseded } from '../src/steps/run.ts'
import { type JobReport, type Store, untilThrough } from '../src/store/index.ts'
import type { AttemptLog } from './logs/logs.ts'
import type { Outcome } from './story.ts'

/**
 * Takes the job for this worker, unless another start of the same number already did.
 * @param worker its id
 * @returns undefined when there is nothing to do
 */
export const take = async (item: JobRef & { attempt: number }, store: Store, worker: string): Promise<Job | undefined> => {
  const before = await untilThrough(() => store.jobs.get(item))
  if (before.status === 'preparing' && before.attempt === item.attempt && before.worker === worker) return before
  if (before.status !== 'admitted' || before.attempt + 1 !== item.attempt) return undefined
  const started = await untilThrough(() => store.jobs.apply(item, { type: 'start', worker }))
  const { job } = started
  return job.attempt === item.attempt && job.worker === worker ? job : undefined
}

/** What a worker says of its attempt. */
type Word = Extract<JobEvent, { worker?: string }>

/**
 * Writes a state change of ours.
 * @param job as it was taken
 * @throws TelpherError gate_superseded where it is refused: the job is no longer ours
 */
export const enter = async (job: Job, word: Word, store: Store, report?: JobReport): Promise<void> => {
  const { worker } = job
  const event = worker === undefined ? word : { ...word, worker }
  const applied = await untilThrough(() => store.jobs.apply(job, event, report))
  if (!applied.ok) throw superseded()
}

const reportOf = ({ failure, objects, notes }: RunResult): JobReport => ({
  ...(failure === undefined ? {} : { failure }),
  ...(objects === undefined ? {} : { objects: [...objects] }),
  notes: [...notes],
})

/** Only what the store knows has ended: a job of another installation is unknown here, and may be at work. */
export const lifeOf = async (ref: JobRef, store: Store): Promise<JobLife> => {
  try {
    return isTerminal((await untilThrough(() => store.jobs.get(ref))).status) ? 'ended' : 'active'
  } catch (thrown) {
    if (toTelpherError(thrown).code === 'unknown_deployment') return 'unknown'
    throw thrown
  }
}

/** What has to be in the store, or dead, before an attempt is over. */
interface Ending {
  readonly lines: AttemptLog
  readonly events: { flush(): Promise<void> }
  /** Settles when the attempt's credential is given back; absent where it had none. */
  readonly left: Promise<void> | undefined
}

/**
 * Records how an attempt ended: for good, to be tried again, or handed back.
 * The log first: an end is only recorded when everything before it is in the store. The log of a job goes on over its attempts.
 * @throws TelpherError gate_superseded where the job is no longer ours
 */
export const finish = async (job: Job, result: RunResult, store: Store, { lines, events, left }: Ending): Promise<Outcome> => {
  const { end } = result
  if (end.code === 'worker_stopped') {
    lines.say(`${end.sentence}; another worker takes it up`)
    await untilThrough(() => lines.flush())
    await events.flush()
    // Another attempt begins only once this one has no credential any more.
    await left
    await enter(job, { type: 'requeue', attempt: job.attempt }, store)
    return 'handed_back'
  }
  const delay = retryDelay(job.step.retries, job, end)
  if (delay !== undefined) lines.say(`${end.sentence}; the next attempt begins in ${delay / 1000} s`)
  await untilThrough(() => (delay === undefined ? lines.end() : lines.flush()))
  await events.flush()
  const word: Word =
    delay === undefined
      ? { type: 'finish', attempt: job.attempt, end }
      : { type: 'retry', attempt: job.attempt, end, notBefore: Date.now() + delay }
  await enter(job, word, store, reportOf(result))
  return delay === undefined ? 'ended' : 'retry'
}
