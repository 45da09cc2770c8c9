import { z } from 'zod'
import { durationSeconds } from './duration.ts'

interface Grace {
  /** When nothing else is said: seconds, or a count. */
  readonly usual: number
  readonly least: number
  readonly most: number
  readonly unit: 's' | 'count'
  /** What is waited for, and why it may come. */
  readonly about: string
}

const seconds = (usual: number, about: string, least = 0): Grace => ({ usual, least, most: 3600, unit: 's', about })

export type GraceName =
  | 'imagePull'
  | 'containerConfig'
  | 'unschedulable'
  | 'noPods'
  | 'custom'
  | 'metrics'
  | 'statusless'
  | 'vanished'
  | 'noActivity'
  | 'restarts'

/**
 * How long each trouble of an object may last before it is a failure: some heal by themselves. Targets and steps may say otherwise, a step
 * before its target. docs/reference/graces.md is tested against this table.
 */
export const graceTable: Readonly<Record<GraceName, Grace>> = {
  imagePull: seconds(20, 'an image that cannot be pulled, tried twice at least; three times as long when it was tried once'),
  containerConfig: seconds(30, 'a container that cannot be made: a ConfigMap, Secret or key that it names is not there'),
  unschedulable: seconds(180, 'a pod without a node, or a volume that is not there: an autoscaler or a provisioner may bring one'),
  noPods: seconds(30, 'pods that are refused when they are made: quota, admission, a missing service account'),
  custom: seconds(30, 'an object whose controller says that it failed: controllers try again'),
  metrics: seconds(180, 'an autoscaler that cannot read its metrics: new pods have none for a while'),
  statusless: seconds(5, 'an object without a status: after this nobody is expected to write one, and it counts as it is'),
  vanished: seconds(10, 'an object that was written and is gone: it may be made anew'),
  noActivity: seconds(240, 'nothing changes at all, although something is still awaited', 1),
  restarts: {
    usual: 2,
    least: 1,
    most: 100,
    unit: 'count',
    about: 'restarts of a container since the attempt began that make a crash loop',
  },
}

export const graceNames = Object.keys(graceTable) as readonly GraceName[]

/** What a target or a step says otherwise: seconds, or a count for `restarts`. */
export type Graces = { [Name in GraceName]?: number | undefined }

const shape = Object.fromEntries(
  graceNames.map((name) => {
    const { least, most, unit } = graceTable[name]
    return [name, (unit === 'count' ? z.number().int() : z.number()).min(least).max(most).optional()]
  }),
)

export const gracesSchema: z.ZodType<Graces, Graces> = z.strictObject(shape)

/** Between what it may be, in words. */
export const boundsOf = (name: GraceName): string => {
  const { least, most, unit } = graceTable[name]
  return unit === 's' ? `a duration from ${least}s to ${most / 60}m` : `a whole number from ${least} to ${most}`
}

/**
 * A grace as people write it: `2m`, or `5` for a count.
 * @returns seconds or the count; undefined when it is something else or out of its bounds
 */
export const readGrace = (name: GraceName, text: string): number | undefined => {
  const { least, most, unit } = graceTable[name]
  const value = unit === 's' ? durationSeconds(text) : /^\d+$/.test(text) ? Number(text) : undefined
  return value !== undefined && value >= least && value <= most ? value : undefined
}
