import { z } from 'zod'
import { durationSeconds } from './duration.ts'

/** The phases of a job's life that have a time of their own, in their order. */
export const phases = ['admission', 'queue', 'image', 'start', 'run', 'verify', 'cleanup'] as const
export type Phase = (typeof phases)[number]

interface PhaseLimit {
  /** Seconds when nothing else is said; undefined where only the deadline of the whole holds. */
  readonly usual?: number
  readonly most: number
  /** From when to when it is counted. */
  readonly about: string
}

const hour = 3600
const day = 24 * hour

/** docs/reference/graces.md is tested against this table. */
export const phaseTable: Readonly<Record<Phase, PhaseLimit>> = {
  admission: {
    usual: 7 * day,
    most: 30 * day,
    about: 'from when its turn has come in its deployment until it has its lock and its places: other deployments, limits, freezes',
  },
  queue: { usual: day, most: 30 * day, about: 'from there until a worker of its pool takes it' },
  image: { most: 6 * hour, about: 'from the start of an attempt until its container is ready' },
  start: { most: 6 * hour, about: 'from the start of an attempt until its program begins: package, secrets, credential, container' },
  run: { most: 6 * hour, about: 'of its program' },
  verify: { most: 6 * hour, about: 'from the end of its program until all it wrote is current' },
  cleanup: { usual: 60, most: hour, about: 'of the removal of its container, which the next sweep does where it is not gone by then' },
}

/** What a step says of its phases, in seconds. */
export type PhaseDeadlines = { [Name in Phase]?: number | undefined }

const shape = Object.fromEntries(phases.map((name) => [name, z.int().min(1).max(phaseTable[name].most).optional()]))

export const phaseDeadlinesSchema: z.ZodType<PhaseDeadlines, PhaseDeadlines> = z.strictObject(shape)

/** How long a phase of a step may last, in seconds; undefined for as long as the whole. */
export const phaseLimit = ({ deadlines }: { readonly deadlines?: PhaseDeadlines | undefined }, phase: Phase): number | undefined =>
  deadlines?.[phase] ?? phaseTable[phase].usual

/** The most that a whole deployment may be given, in seconds. */
export const longestDeployment: number = 30 * day

/** Seconds as people write them: 90 s, 10 min, 2 h. */
export const spoken = (seconds: number): string => {
  if (seconds >= hour && seconds % hour === 0) return `${seconds / hour} h`
  return seconds >= 600 && seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}

/** Between what it may be, in words. */
export const phaseBounds = (phase: Phase): string => `a duration from 1s to ${phaseTable[phase].most / hour}h`

/**
 * A deadline of a phase as people write it.
 * @returns seconds; undefined when it is something else or out of its bounds
 */
export const readPhaseDeadline = (phase: Phase, text: string): number | undefined => {
  const value = durationSeconds(text)
  return value !== undefined && value >= 1 && value <= phaseTable[phase].most ? value : undefined
}
