import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { type Evidence, worstFirst } from './conditions.ts'
import { byCounts } from './counts.ts'
import { conditionOf, current, failed, inProgress, isTrue, type Known, part, suspended } from './fields.ts'
import { byFlags } from './flags.ts'
import { byConditions, unseenOf } from './observed.ts'
import { byParents } from './parents.ts'
import { byPhases, complaintOf, type Phase, phasesOf } from './phases.ts'
import { byReports } from './reports.ts'
import { restOf, wishCameTrue } from './resting.ts'
import { assessSilent } from './silent.ts'

const say = ({ status, rule, message }: Evidence): Assessment =>
  ({ Current: current, InProgress: inProgress, Failed: failed, Suspended: suspended })[status](rule, message)

/** All that a status says of its object, each by its own rule. */
const evidenceOf = (object: KubeObject, phases: readonly Phase[], conditions: Evidence | undefined): readonly Evidence[] => {
  const [spec, status] = [part(object, 'spec'), part(object, 'status')]
  const complaint = conditions?.status === 'Current' ? undefined : complaintOf(status)
  return [
    ...(conditions === undefined ? [] : [conditions]),
    ...byParents(object),
    ...byReports(status),
    ...byPhases(object, status, phases),
    ...byCounts(spec, status),
    ...(complaint === undefined ? [] : [{ status: 'Failed', message: complaint, rule: 'message' } as const]),
    ...byFlags(status),
  ]
}

/**
 * Any other kind, by the conventions of the Kubernetes API and of kstatus, without a list of kinds: whether it rests on
 * purpose, what its controller has observed, Stalled, then the worst of what its conditions, words and numbers say.
 * @param known whether the settle time is over
 */
export const assessGeneric = (object: KubeObject, known: Known): Assessment => {
  const [spec, status] = [part(object, 'spec'), part(object, 'status')]
  const rest = restOf(spec, status)
  if (rest !== undefined) return suspended('paused', rest)
  const unseen = unseenOf(object, status)
  if (unseen !== undefined) return inProgress('generation', unseen)
  const stalled = conditionOf(object, 'Stalled')
  if (isTrue(stalled)) return failed('stalled', `it is stalled: ${stalled?.message ?? stalled?.reason ?? ''}`)
  const conditions = byConditions(object)
  const phases = phasesOf(status)
  const wish = wishCameTrue(spec, phases)
  if (wish !== undefined && conditions?.status !== 'Failed')
    return current('phase', `its ${wish.field} is ${wish.word}, as its spec wants it`)
  const evidence = evidenceOf(object, phases, conditions)
  // What was stopped on purpose is not ready, and has not failed.
  const stopped = evidence.find((one) => one.status === 'Suspended' && one.isWhole === true)
  const decisive = stopped ?? worstFirst(evidence)
  return decisive === undefined ? assessSilent(object, status, known) : say(decisive)
}
