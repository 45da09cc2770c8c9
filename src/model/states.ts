import type { ErrorCode } from './errors.ts'

/**
 * The life of a job. `attempt` is the fencing number: it grows with each start, and an event that names
 * another attempt than the current one is refused, so a superseded worker can change nothing.
 */
export const jobStatuses = [
  'pending',
  'admitted',
  'preparing',
  'running',
  'verifying',
  'succeeded',
  'failed',
  'errored',
  'cancelled',
  'timed_out',
  'lost',
  'skipped',
] as const
export type JobStatus = (typeof jobStatuses)[number]

/** The statuses that nothing leaves. */
export const terminalStatuses = ['succeeded', 'failed', 'errored', 'cancelled', 'timed_out', 'lost', 'skipped'] as const
export type TerminalStatus = (typeof terminalStatuses)[number]

/** The statuses in which a worker holds the job. */
const activeStatuses = ['preparing', 'running', 'verifying'] as const

export const isTerminal = (status: JobStatus): status is TerminalStatus => (terminalStatuses as readonly JobStatus[]).includes(status)
export const isActive = (status: JobStatus): boolean => (activeStatuses as readonly JobStatus[]).includes(status)

/** What a job's end says: the class by its status, one sentence, and the code behind it when it is not a success. */
export interface JobEnd {
  readonly status: TerminalStatus
  readonly sentence: string
  readonly code?: ErrorCode
}

/** The part of a job that transitions decide on. */
export interface JobState {
  readonly status: JobStatus
  readonly attempt: number
  readonly worker?: string
  readonly cancelRequested: boolean
  /** Whether its program is to be killed without time to record what it did; absent for no. */
  readonly cancelForced?: boolean
  /** How often an attempt that came to an end was followed by another one; absent for never. */
  readonly retries?: number
  /** The next attempt does not start before, ms since the epoch. */
  readonly notBefore?: number
  readonly end?: JobEnd
}

/**
 * @property worker who says so, where a worker does. After a fail-over that lost a start the same number may begin once more: then it is
 * the worker that tells the two apart
 */
export type JobEvent =
  | { readonly type: 'admit' }
  | { readonly type: 'start'; readonly worker: string }
  | { readonly type: 'run'; readonly attempt: number; readonly worker?: string }
  | { readonly type: 'verify'; readonly attempt: number; readonly worker?: string }
  | { readonly type: 'finish'; readonly attempt: number; readonly worker?: string; readonly end: JobEnd }
  /** The attempt was fenced, or handed back unstarted: the job may be started again. */
  | { readonly type: 'requeue'; readonly attempt: number; readonly worker?: string }
  /** The attempt came to this end, and another one is to follow it. */
  | { readonly type: 'retry'; readonly attempt: number; readonly worker?: string; readonly end: JobEnd; readonly notBefore: number }
  /** Ended by the server, not by a worker: lost, expired or cancelled while waiting, skipped. */
  | { readonly type: 'end'; readonly attempt: number; readonly end: JobEnd }
  /** @property force kill the program at once; a second request may add it to a first one */
  | { readonly type: 'cancel'; readonly force?: boolean }

export type JobEventType = JobEvent['type']

/** Which statuses each event may find; everything else is refused. */
const allowedFrom: Readonly<Record<JobEventType, readonly JobStatus[]>> = {
  admit: ['pending'],
  start: ['admitted'],
  run: ['preparing'],
  verify: ['running'],
  finish: activeStatuses,
  requeue: activeStatuses,
  retry: activeStatuses,
  end: ['pending', 'admitted', ...activeStatuses],
  cancel: ['pending', 'admitted', ...activeStatuses],
}

export const newJobState: JobState = { status: 'pending', attempt: 0, cancelRequested: false }

/** Either the next state, or why the event is refused. */
export type Transition =
  | { readonly ok: true; readonly state: JobState }
  | { readonly ok: false; readonly reason: 'not_allowed' | 'stale_attempt' }

const next = (state: JobState): Transition => ({ ok: true, state })

/** A cancelled job that ends in success is still cancelled; a real failure keeps its own cause. */
const endOf = (state: JobState, end: JobEnd): JobEnd =>
  state.cancelRequested && end.status === 'succeeded'
    ? { status: 'cancelled', sentence: 'cancelled after its work was done', code: 'cancelled' }
    : end

const ended = (state: JobState, given: JobEnd): JobState => {
  const end = endOf(state, given)
  return { ...state, status: end.status, end }
}

/**
 * The one rule by which a job's state changes: pure, total, and applied by compare-and-set in the store.
 * @param state where the job is
 * @param event what happened
 * @returns the next state, or a refusal; never throws
 */
export const transition = (state: JobState, event: JobEvent): Transition => {
  if (!allowedFrom[event.type].includes(state.status)) return { ok: false, reason: 'not_allowed' }
  if ('attempt' in event && event.attempt !== state.attempt) return { ok: false, reason: 'stale_attempt' }
  if (event.type !== 'start' && 'worker' in event && event.worker !== state.worker) return { ok: false, reason: 'stale_attempt' }
  const { worker: _, notBefore: __, ...unheld } = state
  switch (event.type) {
    case 'admit':
      return next({ ...state, status: 'admitted' })
    case 'start':
      return next({ ...unheld, status: 'preparing', attempt: state.attempt + 1, worker: event.worker })
    case 'run':
      return next({ ...state, status: 'running' })
    case 'verify':
      return next({ ...state, status: 'verifying' })
    case 'requeue':
      return state.cancelRequested
        ? next({
            ...unheld,
            status: 'cancelled',
            end: { status: 'cancelled', sentence: 'cancelled while its worker was lost', code: 'cancelled' },
          })
        : next({ ...unheld, status: 'admitted' })
    case 'retry':
      // Whoever asked for its end gets it, with the cause that it had.
      return state.cancelRequested
        ? next(ended(unheld, event.end))
        : next({ ...unheld, status: 'admitted', retries: (state.retries ?? 0) + 1, notBefore: event.notBefore })
    case 'finish':
    case 'end':
      return next(ended(unheld, event.end))
    case 'cancel':
      return isActive(state.status)
        ? next({ ...state, cancelRequested: true, ...(event.force === true ? { cancelForced: true } : {}) })
        : next({
            ...unheld,
            cancelRequested: true,
            status: 'cancelled',
            end: { status: 'cancelled', sentence: 'cancelled before it started', code: 'cancelled' },
          })
  }
}

/** The words of a run's result (OpenTelemetry CI/CD conventions, cicd.pipeline.result). */
export type Result = 'success' | 'failure' | 'error' | 'timeout' | 'cancellation' | 'skip'

const resultOf: Readonly<Record<TerminalStatus, Result>> = {
  succeeded: 'success',
  failed: 'failure',
  errored: 'error',
  cancelled: 'cancellation',
  timed_out: 'timeout',
  lost: 'error',
  skipped: 'skip',
}

/** A job's result in the OpenTelemetry words. */
export const jobResult = (status: TerminalStatus): Result => resultOf[status]

const severity: readonly Result[] = ['skip', 'success', 'cancellation', 'timeout', 'failure', 'error']

/**
 * A deployment's result from those of its jobs: the gravest counts, a skip counts only where nothing else is.
 * @param statuses the ends of all its jobs, at least one
 */
export const deploymentResult = (statuses: readonly TerminalStatus[]): Result =>
  statuses
    .map(jobResult)
    .reduce((gravest, result) => (severity.indexOf(result) > severity.indexOf(gravest) ? result : gravest), 'skip' as Result)
