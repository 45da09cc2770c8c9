import type { KubeObject } from '../../model/verdict.ts'
import { type Evidence, readConditions } from './conditions.ts'
import { type Condition, conditionsOf, generationOf, numberAt, part } from './fields.ts'
import { runsToItsEnd } from './resting.ts'

type Fields = Readonly<Record<string, unknown>>

const seenGeneration = /^(?:(?:last)?(?:observed|evaluated|reconciled|processed|synced|handled)generation)$/i

/** That the controller has not seen the object as it is, where it says what it has seen. */
export const unseenOf = (object: KubeObject, status: Fields): string | undefined => {
  const generation = generationOf(object)
  for (const name in status) {
    const seen = seenGeneration.test(name) ? numberAt(status, name) : undefined
    if (seen !== undefined && seen < generation) return `its controller has seen generation ${seen} of ${generation}`
  }
  return undefined
}

const isOld = (condition: Condition, generation: number): boolean =>
  (numberAt(condition as unknown as Fields, 'observedGeneration') ?? generation) < generation

/**
 * What the conditions of an object say of it as it is now: old ones do not count, but a good one that is old will be said anew.
 */
export const byConditions = (object: KubeObject): Evidence | undefined => {
  const all = conditionsOf(object)
  const generation = generationOf(object)
  const wantsNone = part(object, 'spec')['replicas'] === 0 && (numberAt(part(object, 'status'), 'replicas') ?? 0) === 0
  const fresh = all.filter(
    (one) => !isOld(one, generation) && !(wantsNone && /^(?:Available|Healthy)$/.test(one.type) && one.status === 'False'),
  )
  const running = runsToItsEnd(object)
    ? fresh.find(({ type, status }) => /^(?:Running|Active)$/.test(type) && status === 'True')
    : undefined
  const said =
    readConditions(fresh.filter((one) => one !== running)) ?? (running && { status: 'InProgress', message: `it is ${running.type}` })
  const old = all.find((condition) => isOld(condition, generation))
  const wasGood = old === undefined ? undefined : readConditions([old])
  if (old !== undefined && wasGood !== undefined && (said === undefined || said.status === 'Current'))
    return { status: 'InProgress', message: `its condition ${old.type} is of an older generation`, rule: 'condition' }
  return said === undefined ? undefined : { ...said, rule: 'condition' }
}
