import type { KubeObject } from '../model/verdict.ts'
import { hasUnprobed, instancesOf, isFinished, isRunning, youngestStart } from './pods.ts'
import type { View } from './view.ts'

/**
 * A container without a readiness probe is ready the moment it starts, so that a crash loop looks well time and again:
 * such a workload has to stay as it is for a while. That it did is asked of its nodes and read anew from the server.
 */
export interface Settling {
  /** Whether a current workload may be called so: always at once where probes or minReadySeconds speak for it. */
  isOver(key: string, workload: KubeObject, view: View): boolean
  /** Says that the workload is not current: its time begins anew. */
  restart(key: string): void
}

/** Clocks of nodes and of the worker differ by so much at most, in ms; more is a finding of `target check`. */
const nodeSkewMs = 30_000
/** Nodes that cannot follow a log say "ended" for ever: after so many times the API server is believed. */
const mostDoubts = 2

interface Begun {
  readonly instances: string
  readonly at: number
  readonly doubts: number
  up: 'asked' | 'yes' | 'no'
}

/**
 * @param since start of the attempt, ms since the epoch
 * @param settleMs how long a workload must stay up
 * @param now in ms, of the clock by which a view says how new it is
 */
export const createSettling = (options: { readonly since: number; readonly settleMs: number; readonly now: () => number }): Settling => {
  const { since, settleMs, now } = options
  const known = new Map<string, Begun>()

  const begin = (key: string, instances: string, doubts: number, pods: readonly KubeObject[], view: View): void => {
    const begun: Begun = { instances, at: now(), doubts, up: doubts < mostDoubts ? 'asked' : 'yes' }
    known.set(key, begun)
    if (begun.up === 'yes') return
    const answer = (up: boolean): void => {
      begun.up = up ? 'yes' : 'no'
    }
    view.areUp(pods, settleMs).then(answer, () => answer(true))
  }

  return {
    restart: (key) => void known.delete(key),
    isOver(key, workload, view) {
      if (settleMs === 0 || !hasUnprobed(workload) || (workload.kind === 'Pod' && isFinished(workload))) return true
      const namespace = workload.metadata.namespace ?? ''
      const pods = view.podsOf(workload)
      // Instances that ran long before this attempt have proven themselves: nothing of them was changed.
      const youngest = youngestStart(pods)
      if (youngest !== undefined && youngest < since - settleMs - nodeSkewMs) return true
      if (!pods.every((pod) => isFinished(pod) || isRunning(pod))) {
        known.delete(key)
        return false
      }
      const instances = instancesOf(pods)
      const begun = known.get(key)
      if (begun === undefined || begun.instances !== instances || begun.up === 'no') {
        const doubts = begun?.instances === instances ? begun.doubts + 1 : 0
        begin(key, instances, doubts, pods, view)
        return false
      }
      if (now() - begun.at < settleMs || begun.up !== 'yes') return false
      const { denied, readAt } = view.pods(namespace)
      if (denied || readAt >= begun.at + settleMs) return true
      view.refreshPods(namespace)
      return false
    },
  }
}
