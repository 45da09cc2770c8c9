import { type AttemptEnd, type Refused, refusedSince } from '../model/refused.ts'
import { isTerminal } from '../model/states.ts'
import type { Target } from '../model/target.ts'
import type { Store } from '../store/index.ts'

/** One look serves all targets for so long, in ms. */
const lookMs = 5000
/** Attempts that began earlier say nothing of a switch, in ms. */
const windowMs = 900_000
/** Deployments that are looked at, the newest: enough of them to see a rule broken. */
const mostDeployments = 500

/** The ends of attempts that began lately, by target. */
const look = async ({ deployments }: Pick<Store, 'deployments'>, since: number): Promise<Map<string, AttemptEnd[]>> => {
  const { deployments: newest } = await deployments.list({ limit: mostDeployments, since })
  const ids = new Set([...newest.map(({ id }) => id), ...(await deployments.active())])
  const ends = new Map<string, AttemptEnd[]>()
  for (const id of ids) {
    const snapshot = await deployments.snapshot(id).catch(() => undefined)
    for (const { job } of snapshot?.jobs ?? []) {
      const { status, startedAt, end, target } = job
      if (!isTerminal(status) || startedAt === undefined || startedAt < since) continue
      const all = ends.get(target) ?? []
      ends.set(target, [...all, { startedAt, ...(end?.code === undefined ? {} : { code: end.code }) }])
    }
  }
  return ends
}

/**
 * Looks whether attempts began to be refused with a switch of their target's account, by how their jobs ended.
 * @returns takes a target and when it was switched, ms since the epoch; it gives undefined when that is no reason to go back
 */
export const createRefusals = (
  store: Pick<Store, 'deployments'>,
  now: () => number = Date.now,
): ((target: Target, switchedAt: number) => Promise<Refused | undefined>) => {
  let last: { readonly at: number; readonly ends: Promise<Map<string, AttemptEnd[]>> } | undefined
  return async ({ name, account }, switchedAt) => {
    if (last === undefined || now() - last.at > lookMs) last = { at: now(), ends: look(store, now() - windowMs) }
    const looked = last
    const ends = await looked.ends.catch((thrown: unknown) => {
      if (last === looked) last = undefined
      throw thrown
    })
    return refusedSince(ends.get(name) ?? [], switchedAt, account.mode)
  }
}
