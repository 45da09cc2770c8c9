import type { SchedulerQueue, SchedulerStore } from '../../src/scheduler/index.ts'
import { intercepted } from './intercepted.ts'

export interface Mortal {
  readonly store: SchedulerStore
  readonly queue: SchedulerQueue
  isDead(): boolean
}

/**
 * A store and a queue of a server that dies at its nth change of anything: that one and all later calls never come back.
 * @param after whether the change itself still reaches Redis
 */
export const mortal = (store: SchedulerStore, queue: SchedulerQueue, dieAt: number, after: boolean): Mortal => {
  let changes = 0
  let isDead = false
  const never = new Promise<never>(() => {})
  const parts = intercepted(store, queue, async ({ isChange }, work) => {
    if (isDead) return never
    if (isChange && ++changes === dieAt) {
      isDead = true
      if (after) await work()
      return never
    }
    return work()
  })
  return { ...parts, isDead: () => isDead }
}
