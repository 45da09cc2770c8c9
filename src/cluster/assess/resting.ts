import type { KubeObject } from '../../model/verdict.ts'
import { listAt, part } from './fields.ts'
import type { Phase } from './phases.ts'

type Fields = Readonly<Record<string, unknown>>

const isSet = (value: unknown): boolean => value === true || value === 'true'

/**
 * Which switch of a spec, or pause of a status, makes an object rest on purpose: `paused`, `suspend`, a paused rollout,
 * a rollout that holds at its partition (Argo Rollouts: status.pauseConditions).
 */
export const restOf = (spec: Fields, status: Fields): string | undefined => {
  for (const name of ['paused', 'suspend', 'suspended', 'pause', 'stopped']) if (isSet(spec[name])) return `its spec.${name} is set`
  if (isSet(part(spec, 'hibernation')['enabled'])) return 'its spec.hibernation is enabled'
  const strategy = part(spec, 'updateStrategy')
  if (isSet(strategy['paused']) || isSet(part(strategy, 'rollingUpdate')['paused'])) return 'its rollout is paused'
  return listAt(status, 'pauseConditions').length > 0 ? 'its rollout is paused' : undefined
}

/** Whether its spec switches the whole object off. */
export const offOf = (spec: Fields): string | undefined => {
  if (spec['enabled'] === false) return 'its spec.enabled is false'
  return spec['disabled'] === true ? 'its spec.disabled is true' : undefined
}

const toTheEnd = /(?:Job|Run|Runs|Execution|Workflow|Backup|Restore|Migration|Snapshot|Build|Export|Import|Task|Test|Operation)$/

/** Whether a kind is one of those that are run to their end, by its name: as long as they run they are not done. */
export const runsToItsEnd = ({ kind = '' }: KubeObject): boolean =>
  toTheEnd.test(kind) && !/(?:Cron|Scaled|Scheduled|Session)[A-Z][a-z]+$/.test(kind)

/** At which partition a rollout stops, when it has one. */
export const partitionOf = (spec: Fields): number | undefined => {
  const strategy = part(spec, 'updateStrategy')
  const partition = strategy['partition'] ?? part(strategy, 'rollingUpdate')['partition']
  return typeof partition === 'number' && partition > 0 ? partition : undefined
}

const wished = /^(?:desired)?(?:state|phase)$/i

/** The phase that a spec asks for and the status has: a job that is to be suspended and is. */
export const wishCameTrue = (spec: Fields, phases: readonly Phase[]): Phase | undefined => {
  const wishes = new Set<string>()
  for (const fields of [spec, ...Object.values(spec)]) {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) continue
    for (const [name, value] of Object.entries(fields)) if (wished.test(name) && typeof value === 'string') wishes.add(value.toLowerCase())
  }
  return wishes.size === 0 ? undefined : phases.find(({ word, meaning }) => meaning === 'paused' && wishes.has(word.toLowerCase()))
}
