import type { Job, JobRef } from '../../src/model/deployment.ts'
import { retryDelay } from '../../src/model/retry.ts'
import type { JobEnd } from '../../src/model/states.ts'
import { type Consumer, consume } from '../../src/queue/index.ts'
import { type Store, untilThrough } from '../../src/store/index.ts'
import { sampleWorker } from './samples.ts'

/** What several simulated workers did, and whether two of them ever changed the same thing at once. */
export interface Witness {
  /** Job id to its started attempts. */
  readonly starts: Map<string, number[]>
  readonly violations: string[]
  /** Lock to the job that is at work under it. */
  readonly working: Map<string, string>
}

export const createWitness = (): Witness => ({ starts: new Map(), violations: [], working: new Map() })

const lockText = ({ lock }: Job): string => `${lock.clusterId} ${lock.namespace} ${lock.subject}`

/**
 * A double of the worker, without containers: it takes items, starts, runs and ends attempts through the real store and queue.
 * Knobs: `ends` says how a job ends; `dies` makes it fall silent when that job has started, with so many writes open;
 * `drops` makes it forget that attempt while it lives on.
 */
export const startSimWorker = (options: {
  readonly id: string
  readonly url: string
  readonly store: Store
  readonly witness: Witness
  readonly pool?: string
  readonly concurrency?: number
  readonly beatMs?: number
  readonly ends?: (job: Job) => JobEnd
  readonly onStart?: (job: Job) => void
  readonly work?: (job: Job) => Promise<void>
  readonly dies?: (job: Job) => { readonly openWrites: number } | undefined
  readonly drops?: (job: Job) => boolean
}): { stop(): Promise<void>; isDead(): boolean } => {
  const { id, store, witness, pool = 'default', concurrency = 4, beatMs = 200 } = options
  const ends = options.ends ?? (() => ({ status: 'succeeded', sentence: 'done' }) as const)
  const attempts = new Map<string, JobRef & { attempt: number; openWrites: number }>()
  let isDead = false
  let isDying = false
  let beating: Promise<unknown> = Promise.resolve()

  const beat = (): Promise<unknown> => {
    if (!isDead) beating = store.workers.beat(sampleWorker(id, { pool, concurrency, attempts: [...attempts.values()] })).catch(() => {})
    return beating
  }
  const timer = setInterval(() => void beat(), beatMs)
  const renew = setInterval(() => {
    if (!isDead) for (const held of attempts.values()) store.claims.renew(held, held.attempt, id).catch(() => {})
  }, beatMs)

  const handle = async (ref: JobRef): Promise<void> => {
    if (isDead) return
    const started = await store.jobs.apply(ref, { type: 'start', worker: id })
    if (!started.ok) return
    const { job } = started
    const { attempt } = job
    const lock = lockText(job)
    const other = witness.working.get(lock)
    if (other !== undefined && other !== job.jobId) witness.violations.push(`${job.jobId} began while ${other} was at work under ${lock}`)
    witness.working.set(lock, job.jobId)
    witness.starts.set(job.jobId, [...(witness.starts.get(job.jobId) ?? []), attempt])
    if (options.drops?.(job)) {
      witness.working.delete(lock)
      return
    }
    options.onStart?.(job)
    // One dies once, and begins nothing while it says its last word.
    if (isDying) {
      witness.working.delete(lock)
      return
    }
    const death = options.dies?.(job)
    const held = { deploymentId: job.deploymentId, jobId: job.jobId, attempt, openWrites: death?.openWrites ?? 0 }
    attempts.set(job.jobId, held)
    if (death !== undefined) {
      isDying = true
      await beat()
      isDead = true
      void consumer.pause()
      witness.working.delete(lock)
      return
    }
    // It died of another job meanwhile: its program never began.
    if (isDead) {
      witness.working.delete(lock)
      return
    }
    await untilThrough(() => store.jobs.apply(job, { type: 'run', attempt, worker: id }))
    await options.work?.(job)
    if (!isDead) await untilThrough(() => store.jobs.apply(job, { type: 'verify', attempt, worker: id }))
    witness.working.delete(lock)
    // It died of another job meanwhile.
    if (isDead) return
    const end = ends(job)
    const delay = retryDelay(job.step.retries, job, end)
    await untilThrough(() =>
      store.jobs.apply(
        job,
        delay === undefined
          ? { type: 'finish', attempt, worker: id, end }
          : { type: 'retry', attempt, worker: id, end, notBefore: Date.now() + delay },
      ),
    )
    attempts.delete(job.jobId)
  }
  const consumer: Consumer = consume({
    url: options.url,
    pool,
    concurrency,
    handler: async (item) => {
      if (item.kind === 'job') await handle(item)
    },
  })
  void beat()
  return {
    isDead: () => isDead,
    stop: async () => {
      clearInterval(timer)
      clearInterval(renew)
      await consumer.close()
      await beating
    },
  }
}
