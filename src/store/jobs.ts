import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { DeploymentEvent, Job, JobRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { retryReason } from '../model/retry.ts'
import { isTerminal, type JobEnd, type JobEvent, type JobState, terminalStatuses, transition } from '../model/states.ts'
import { claimMs } from '../model/worker.ts'
import type { Connection } from './connection.ts'
import { deploymentKeys } from './keys.ts'
import { dehydrate, type FixedDeployment, rehydrate, type StoredJob, unknownJob } from './records.ts'
import type { Applied, Claims, JobChanged, JobReport, Jobs, Proof, StoreLimits, Wakes } from './types.ts'

/** @param end of the job, or of the attempt that another one follows */
const jobEvent = (before: Job, after: Job, end: JobEnd | undefined, tools: JobReport['tools']): DeploymentEvent => ({
  type: 'job',
  at: Date.now(),
  jobId: after.jobId,
  step: after.step.name,
  target: after.target,
  from: before.status,
  to: after.status,
  attempt: after.attempt,
  ...(after.worker === undefined ? {} : { worker: after.worker }),
  ...(end === undefined ? {} : { sentence: end.sentence }),
  ...(end?.code === undefined ? {} : { code: end.code }),
  ...(tools === undefined ? {} : { tools }),
})

/** What transitions decide on, without the rest of the job. */
const stateOf = ({ status, attempt, worker, cancelRequested, cancelForced, retries, notBefore, end }: Job): JobState => ({
  status,
  attempt,
  cancelRequested,
  ...(cancelForced === undefined ? {} : { cancelForced }),
  ...(worker === undefined ? {} : { worker }),
  ...(retries === undefined ? {} : { retries }),
  ...(notBefore === undefined ? {} : { notBefore }),
  ...(end === undefined ? {} : { end }),
})

/** The job in its new state, with its times and what was reported; what it waited for was for the old state. */
const changed = (job: Job, state: JobState, event: JobEvent, report: JobReport | undefined): Job => {
  const { waitsFor, worker: _worker, notBefore: _notBefore, end: _end, failure, objects, ...kept } = job
  const waits =
    event.type === 'retry' && state.notBefore !== undefined
      ? retryReason(state, job.step.retries, event.end)
      : state.status === 'pending'
        ? waitsFor
        : undefined
  // What an attempt before found is nothing of this one.
  const found =
    state.status === 'preparing' ? {} : { ...(failure === undefined ? {} : { failure }), ...(objects === undefined ? {} : { objects }) }
  return {
    ...kept,
    ...found,
    ...state,
    ...(waits === undefined ? {} : { waitsFor: waits }),
    ...(state.status === 'admitted' && job.status !== 'admitted' ? { admittedAt: Date.now() } : {}),
    ...(state.status === 'preparing' && job.startedAt === undefined ? { startedAt: Date.now() } : {}),
    ...(isTerminal(state.status) ? { endedAt: Date.now() } : {}),
    ...(report?.failure === undefined ? {} : { failure: report.failure }),
    ...(report?.objects === undefined ? {} : { objects: report.objects }),
    ...(report?.tools === undefined ? {} : { tools: report.tools }),
    ...(report?.loss === undefined ? {} : { losses: [...(job.losses ?? []), report.loss] }),
  }
}

/** Whether an event says what the job already is: told again after a lost answer. */
const isAlready = (job: Job, event: JobEvent): boolean => {
  if (!('attempt' in event) || event.attempt !== job.attempt) return false
  if (event.type === 'run' || event.type === 'verify') {
    const isOthers = event.worker !== undefined && event.worker !== job.worker
    return !isOthers && job.status === (event.type === 'run' ? 'running' : 'verifying')
  }
  if (event.type === 'retry') return job.status === 'admitted' && job.notBefore === event.notBefore
  if (event.type !== 'finish' || !isTerminal(job.status)) return false
  const isTurnedIntoCancelled = job.cancelRequested && job.status === 'cancelled' && event.end.status === 'succeeded'
  return isTurnedIntoCancelled || isDeepStrictEqual(job.end, event.end)
}

const markOf = (from: Job, to: Job): string => {
  if (to.status === 'admitted' && from.status !== 'admitted') return 'admitted'
  return to.status === 'preparing' ? 'renewed' : ''
}

/**
 * The jobs: the only place where their state changes.
 * @param fixed what never changes of a deployment
 * @param onChange told what was changed here
 */
export const createJobs = (
  connection: Connection,
  limits: StoreLimits,
  wakes: Wakes,
  fixed: (id: string) => Promise<FixedDeployment>,
  onChange: JobChanged = () => {},
): Jobs => {
  const read = async (ref: JobRef): Promise<{ job: Job; version: string }> => {
    const deployment = await fixed(ref.deploymentId)
    const key = deploymentKeys(ref.deploymentId).jobs
    const [text, version] = await connection.call((redis) => redis.hmget(key, ref.jobId, `${ref.jobId}#`))
    if (text === null || text === undefined || version === null || version === undefined) throw unknownJob(ref)
    return { job: rehydrate(deployment, JSON.parse(text) as StoredJob), version }
  }
  const write = async (ref: JobRef, version: string, token: string, job: Job, mark: string, events: readonly DeploymentEvent[]) => {
    const keys = deploymentKeys(ref.deploymentId)
    const next = `${Number.parseInt(version, 10) + 1}:${token}`
    const args = [
      ref.jobId,
      version,
      next,
      JSON.stringify(dehydrate(job)),
      mark,
      limits.events,
      ...events.map((event) => JSON.stringify(event)),
    ]
    return (await connection.script('change-job', [keys.jobs, keys.marks, keys.events], args)) === 1
  }
  const conflict = (ref: JobRef): TelpherError => new TelpherError('redis_timeout', `job ${ref.jobId} is too contended`)
  const maxTries = 50

  const apply = async (ref: JobRef, event: JobEvent, report?: JobReport): Promise<Applied> => {
    const token = randomUUID()
    for (let tries = 0; tries < maxTries; tries++) {
      const { job, version } = await read(ref)
      const step = transition(stateOf(job), event)
      if (!step.ok) return isAlready(job, event) ? { ok: true, state: stateOf(job), job } : { ...step, job }
      const after = changed(job, step.state, event, report)
      const ended = after.end ?? (event.type === 'retry' ? event.end : undefined)
      const events: DeploymentEvent[] = [jobEvent(job, after, ended, report?.tools)]
      if (event.type === 'retry' && after.waitsFor !== undefined)
        events.push({ type: 'waiting', at: Date.now(), jobId: ref.jobId, reason: after.waitsFor })
      if (report?.notes !== undefined) {
        const { failure, notes } = report
        events.unshift({ type: 'verdict', at: Date.now(), jobId: ref.jobId, notes, ...(failure === undefined ? {} : { failure }) })
      }
      if (await write(ref, version, token, after, markOf(job, after), events)) {
        // The sweep finds what a lost wake leaves: the change is made.
        if (isTerminal(after.status)) void wakes.send(ref.deploymentId).catch(() => {})
        onChange(job, after, event, report)
        return { ...step, job: after }
      }
    }
    throw conflict(ref)
  }

  return {
    get: async (ref) => (await read(ref)).job,
    apply,
    waiting: async (ref, reason) => {
      const token = randomUUID()
      for (let tries = 0; tries < maxTries; tries++) {
        const { job, version } = await read(ref)
        if (job.waitsFor === reason || (job.status !== 'pending' && job.status !== 'admitted')) return
        const event: DeploymentEvent = { type: 'waiting', at: Date.now(), jobId: ref.jobId, reason }
        if (await write(ref, version, token, { ...job, waitsFor: reason }, '', [event])) return
      }
      throw conflict(ref)
    },
    settle: async (ref) => {
      const { jobs, marks } = deploymentKeys(ref.deploymentId)
      await connection.script('settle-job', [jobs, marks], [ref.jobId, ...terminalStatuses])
    },
    isOver: async (ref) => {
      const { jobs, marks } = deploymentKeys(ref.deploymentId)
      const [isKnown, isSettled] = await connection.call((redis) =>
        Promise.all([redis.hexists(jobs, ref.jobId), redis.hexists(marks, `settled:${ref.jobId}`)]),
      )
      return isKnown === 0 || isSettled === 1
    },
  }
}

/** The proofs by which gates know that their attempt still holds its job. */
export const createClaims = (connection: Connection): Claims => ({
  renew: async (ref, attempt, worker) => {
    const keys = deploymentKeys(ref.deploymentId)
    const answer = (await connection.script('renew-claim', [keys.jobs, keys.marks], [ref.jobId, attempt, worker])) as number[] | null
    return { held: answer?.[0] === 1, cancelRequested: answer?.[1] === 1, cancelForced: answer?.[2] === 1 }
  },
  age: async (ref) => {
    const age = await connection.script('claim-age', [deploymentKeys(ref.deploymentId).marks], [ref.jobId])
    return age === null ? undefined : Number(age)
  },
  prove: async (ref, { worker, number, entry }, isHeld) => {
    const keys = deploymentKeys(ref.deploymentId)
    const args = [ref.jobId, ref.attempt, worker, claimMs, number, entry, isHeld ? '1' : '']
    return (await connection.script('prove-claim', [keys.jobs, keys.marks], args)) as Proof
  },
})
