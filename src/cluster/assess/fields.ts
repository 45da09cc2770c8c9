import type { Assessment, KubeObject, ObjectStatus } from '../../model/verdict.ts'

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastUpdateTime?: string
  readonly lastTransitionTime?: string
  readonly observedGeneration?: number
  /** Cluster API's conditions have one: Error, Warning or Info. */
  readonly severity?: string
}

/** What a rule cannot see in one object at one moment: told by who watches. */
export interface Known {
  /** Whether the object has been there for so long, as it is, that its controller would have said something. */
  readonly settled?: boolean
  /** Of a claim: whether its storage class waits for a pod. */
  readonly bindsLate?: boolean
}

type Fields = Readonly<Record<string, unknown>>

/** A part of an object, empty where it has none. */
export const part = (object: unknown, name: string): Fields => {
  const found = typeof object === 'object' && object !== null ? (object as Fields)[name] : undefined
  return typeof found === 'object' && found !== null ? (found as Fields) : {}
}

/** A number, also where a controller writes it as a text (Argo Rollouts does so for observedGeneration). */
export const numberAt = (fields: Fields, name: string): number | undefined => {
  const value = fields[name]
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : undefined
}

export const textAt = (fields: Fields, name: string): string | undefined => {
  const value = fields[name]
  return typeof value === 'string' ? value : undefined
}

export const listAt = (fields: Fields, name: string): readonly Fields[] => {
  const value = fields[name]
  return Array.isArray(value) ? (value as Fields[]) : []
}

const texts = ['type', 'status', 'reason', 'message', 'severity'] as const
const isCondition = (entry: unknown): boolean =>
  typeof entry === 'object' &&
  entry !== null &&
  texts.every((name) => name in entry === false || typeof (entry as Fields)[name] === 'string' || (entry as Fields)[name] === null)

/** Conditions in a list, whatever else a controller has put into it. */
export const conditionsAt = (fields: Fields, name: string = 'conditions'): readonly Condition[] =>
  listAt(fields, name)
    .filter(isCondition)
    .map((entry) => (typeof entry['type'] === 'string' ? entry : { ...entry, type: '' })) as unknown as readonly Condition[]

export const conditionsOf = (object: KubeObject): readonly Condition[] => conditionsAt(part(object, 'status'))

/** The generation of an object; 0 where none is known. */
export const generationOf = (object: KubeObject): number => numberAt(part(object, 'metadata'), 'generation') ?? 0

export const conditionOf = (object: KubeObject, type: string): Condition | undefined =>
  conditionsOf(object).find((condition) => condition.type === type)

export const isTrue = (condition: Condition | undefined): boolean => condition?.status === 'True'

const say =
  (status: ObjectStatus) =>
  (rule: string, message: string): Assessment => ({ status, rule, message })
export const current: (rule: string, message: string) => Assessment = say('Current')
export const inProgress: (rule: string, message: string) => Assessment = say('InProgress')
export const failed: (rule: string, message: string) => Assessment = say('Failed')
export const suspended: (rule: string, message: string) => Assessment = say('Suspended')

/** Whether the controller has seen the object as it now is: before that its status speaks of an older one. */
export const notObserved = (object: KubeObject, rule: string): Assessment | undefined => {
  const observed = numberAt(part(object, 'status'), 'observedGeneration')
  const generation = generationOf(object)
  if (observed !== undefined && observed >= generation) return undefined
  return inProgress(
    rule,
    observed === undefined ? 'its controller has not seen it yet' : `its controller has seen generation ${observed} of ${generation}`,
  )
}
