import { z } from 'zod'
import { readCron } from './cron.ts'
import { nameSchema } from './target.ts'

/** How many workers a pool is to have, in workers. */
export interface Bounds {
  min: number
  max: number
  /** Kept without work besides those that have some: min(max(idle, factor × busy), idleLimit). */
  idle: number
  factor: number
  idleLimit: number
}

/** Other bounds while the minute of the wall clock is named; of several, the last one that holds wins. */
export interface Schedule {
  min?: number | undefined
  max?: number | undefined
  idle?: number | undefined
  factor?: number | undefined
  idleLimit?: number | undefined
  /** Five fields, such as `* 8-17 * * mon-fri`. */
  cron: string
  /** IANA name. */
  timeZone: string
}

export interface Scaling extends Bounds {
  /** So long there must have been less to do before workers go, in seconds. */
  coolDownSeconds: number
  schedules: Schedule[]
}

/** The Kubernetes Deployment whose replicas are the workers of a pool. */
export interface KubeDriver {
  namespace: string
  deployment: string
}

/** What a pool is told besides its name: a pool of which nothing is said needs no record. */
export interface PoolSettings {
  labels: Record<string, string>
  /** Execution image of steps that name none, in place of that of the worker. */
  image?: string | undefined
  /** Steps that each worker runs at the same time, in place of the worker's own setting. */
  concurrency?: number | undefined
  /** Jobs of the pool that run or are about to, over all workers. */
  limit?: number | undefined
  scaling?: Scaling | undefined
  /** So many workers, whatever there is to do. */
  replicas?: number | undefined
  kubernetes?: KubeDriver | undefined
}

/** `paused`: no job begins. `cordoned`: no new deployment is taken for it. */
export const poolStates = ['active', 'paused', 'cordoned'] as const
export type PoolState = (typeof poolStates)[number]

export interface Pool extends PoolSettings {
  name: string
  state: PoolState
  /** Why it is not active, for those who wait. */
  reason?: string | undefined
  createdAt: number
}

export const defaultScaling: Scaling = {
  min: 0,
  max: 4,
  idle: 0,
  factor: 0,
  idleLimit: 10,
  coolDownSeconds: 120,
  schedules: [],
}

const workers = z.number().int().min(0).max(1000)
const partialBounds = {
  min: workers.optional(),
  max: workers.optional(),
  idle: workers.optional(),
  factor: z.number().min(0).max(10).optional(),
  idleLimit: workers.optional(),
}

const scheduleSchema: z.ZodType<Schedule, Schedule> = z
  .strictObject({ ...partialBounds, cron: z.string().min(1).max(200), timeZone: z.string().min(1).max(64) })
  .check(({ value, issues }) => {
    const read = readCron(value.cron, value.timeZone)
    if (typeof read === 'string') issues.push({ code: 'custom', input: value.cron, path: ['cron'], message: read })
  })

export type ScalingInput = { [Key in keyof Scaling]?: Scaling[Key] | undefined }

const scalingSchema: z.ZodType<Scaling, ScalingInput> = z
  .strictObject({
    min: workers.default(defaultScaling.min),
    max: workers.default(defaultScaling.max),
    idle: workers.default(defaultScaling.idle),
    factor: z.number().min(0).max(10).default(defaultScaling.factor),
    idleLimit: workers.default(defaultScaling.idleLimit),
    coolDownSeconds: z.int().min(0).max(86_400).default(defaultScaling.coolDownSeconds),
    schedules: z.array(scheduleSchema).max(20).default([]),
  })
  .check(({ value, issues }) => {
    if (value.min > value.max)
      issues.push({ code: 'custom', input: value.min, path: ['min'], message: `it is above max, which is ${value.max}` })
  })

/** Labels as in Kubernetes, but that a value may hold a space. */
const labels = z
  .record(
    z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/, 'use letters, digits and . _ / -, at most 63'),
    z.string().max(200),
  )
  .refine((all) => Object.keys(all).length <= 50, 'give at most 50 labels')

const settings = {
  labels: labels.default({}),
  image: z.string().min(1).max(255).optional(),
  concurrency: z.int().min(1).max(64).optional(),
  limit: z.int().min(1).max(100_000).optional(),
  scaling: scalingSchema.optional(),
  replicas: workers.optional(),
  kubernetes: z.strictObject({ namespace: nameSchema, deployment: nameSchema }).optional(),
}

export type PoolSettingsInput = { [Key in Exclude<keyof PoolSettings, 'scaling'>]?: PoolSettings[Key] | undefined } & {
  scaling?: ScalingInput | undefined
}
export type NewPool = PoolSettings & { name: string }

export const newPoolSchema: z.ZodType<NewPool, PoolSettingsInput & { name: string }> = z.strictObject({ name: nameSchema, ...settings })

/** A change: what is absent stays, and null takes a setting away. */
export type PoolChange = { [Key in keyof PoolSettingsInput]?: PoolSettingsInput[Key] | null | undefined }

export const poolChangeSchema: z.ZodType<PoolChange> = z.strictObject({
  labels: labels.nullable().optional(),
  image: settings.image.nullable(),
  concurrency: settings.concurrency.nullable(),
  limit: settings.limit.nullable(),
  // Its parts have no defaults here: what is absent stays as it is.
  scaling: z
    .strictObject({
      ...partialBounds,
      coolDownSeconds: z.int().min(0).max(86_400).optional(),
      schedules: z.array(scheduleSchema).max(20).optional(),
    })
    .nullable()
    .optional(),
  replicas: settings.replicas.nullable(),
  kubernetes: settings.kubernetes.nullable(),
})

export interface NewPoolState {
  state: PoolState
  reason?: string | undefined
}

export const newPoolStateSchema: z.ZodType<NewPoolState> = z.strictObject({
  state: z.enum(poolStates),
  reason: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .regex(/^\P{Cc}+$/u, 'one line without control characters')
    .optional(),
})

/** The pool of which nothing was said. @param name a name that targets or workers use */
export const implicitPool = (name: string): Pool => ({ name, labels: {}, state: 'active', createdAt: 0 })

const without = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== undefined)) as T

/**
 * A pool with a change made to it. Of the two ways to say how many workers there are, the one that is given takes the other's place.
 * @throws ZodError of newPoolSchema when what comes of it cannot be
 */
export const changePool = (pool: Pool, change: PoolChange): Pool => {
  const { name, state, reason, createdAt, ...old } = pool
  const scaling = change.scaling == null ? change.scaling : without({ ...defaultScaling, ...old.scaling, ...change.scaling })
  const merged: Record<string, unknown> = { ...old, ...change, scaling: scaling === undefined ? old.scaling : scaling }
  if (change.scaling != null && change.replicas == null) delete merged['replicas']
  if (change.replicas != null && change.scaling == null) delete merged['scaling']
  const settled = newPoolSchema.parse(without({ ...merged, name }))
  return { ...settled, state, ...(reason === undefined ? {} : { reason }), createdAt }
}

/** What a job that waits for its pool says; undefined when the pool takes work. */
export const pausedReason = ({ name, state, reason }: Pool): string | undefined =>
  state === 'paused'
    ? `pool ${name} is paused${reason === undefined ? '' : `: ${reason}`} (go on with: telpher pool resume ${name})`
    : undefined
