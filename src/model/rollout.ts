import { z } from 'zod'
import { nameSchema } from './target.ts'

/** In which order a deployment takes its targets, and when it takes no more. Without one it takes all at once. */
export interface Rollout {
  /** Targets that are worked on at a time. */
  maxParallel?: number | undefined
  /** Those that must succeed before any other is begun: so many, or these. */
  canary?: number | string[] | undefined
  /** After so many failed targets no other is begun. */
  stopAfter?: number | undefined
}

const count = z.number().int().min(1).max(500)

export const rolloutSchema: z.ZodType<Rollout, Rollout> = z.strictObject({
  maxParallel: count.meta({ title: 'At a time', description: 'How many targets are worked on at a time; all when absent.' }).optional(),
  canary: z
    .union([count, z.array(nameSchema).min(1).max(500)], 'give a number of targets, or a list of their names')
    .meta({ title: 'Canary', description: 'Targets that must succeed before any other is begun: how many, or which.' })
    .optional(),
  stopAfter: count.meta({ title: 'Stop after', description: 'After so many failed targets no other is begun.' }).optional(),
})
