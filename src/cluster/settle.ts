import type { KubeObject } from '../model/verdict.ts'
import { hasUnprobed, instancesOf, isFinished, isRunning, youngestStart } from './pods.ts'
import type { View } from './view.ts'

/**
 * A container without a readiness probe is ready the moment it starts, so that a crash loop looks well time and again:
 * such a workload has to stay as it is for a while, and that it did is read anew from the server at the end.
 */
export interface Settling {
  /** Whether a current workload may be called so: always at once where probes or minReadySeconds speak for it. */
  isOver(key: string, workload: KubeObject, view: View): boolean
  /** Says that the workload is not current: its time begins anew. */
  restart(key: string): void
}

/** Clocks of nodes and of the worker differ by so much at most, in ms; more is a finding of `target check`. */
const nodeSkewMs = 30_000

/**
 * @param since start of the attempt, ms since the epoch
 * @param settleMs how long a workload must stay up
 * @param now in ms, of the clock by which a view says how new it is
 */
export const createSettling = (options: { readonly since: number; readonly settleMs: number; readonly now: () => number }): Settling => {
  const { since, settleMs, now } = options
  const begun = new Map<string, { readonly instances: string; readonly at: number }>()

  return {
    restart: (key) => void begun.delete(key),
    isOver(key, workload, view) {
      if (settleMs === 0 || !hasUnprobed(workload) || (workload.kind === 'Pod' && isFinished(workload))) return true
      const namespace = workload.metadata.namespace ?? ''
      const pods = view.podsOf(workload)
      // Instances that ran long before this attempt have proven themselves: nothing of them was changed.
      const youngest = youngestStart(pods)
      if (youngest !== undefined && youngest < since - settleMs - nodeSkewMs) return true
      if (!pods.every((pod) => isFinished(pod) || isRunning(pod))) {
        begun.delete(key)
        return false
      }
      const instances = instancesOf(pods)
      const before = begun.get(key)
      if (before?.instances !== instances) {
        begun.set(key, { instances, at: now() })
        return false
      }
      if (now() - before.at < settleMs) return false
      const { denied, readAt } = view.pods(namespace)
      if (denied || readAt >= before.at + settleMs) return true
      view.refreshPods(namespace)
      return false
    },
  }
}
