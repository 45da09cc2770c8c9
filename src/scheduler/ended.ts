import type { JobRef } from '../model/deployment.ts'
import { TelpherError } from '../model/errors.ts'
import { isTerminal } from '../model/states.ts'
import type { SchedulerStore } from './types.ts'

/** Whether a job needs nothing any more that it was given: it has ended, or nobody knows it. */
export const isOver = async (store: Pick<SchedulerStore, 'jobs'>, ref: JobRef): Promise<boolean> => {
  try {
    return isTerminal((await store.jobs.get(ref)).status)
  } catch (error) {
    if (error instanceof TelpherError && error.code === 'unknown_deployment') return true
    throw error
  }
}
