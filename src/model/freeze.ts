import { z } from 'zod'
import { matchesTags, tagExpressionSchema } from './tags.ts'
import { nameSchema } from './target.ts'

/** While it holds, nothing new begins at the targets it names; what was admitted goes on to its end. */
export interface Freeze {
  readonly id: string
  /** Name of a target; either this or `tags`. */
  readonly target?: string
  /** A tag expression. */
  readonly tags?: string
  /** Why, for those who wait. */
  readonly reason: string
  /** ms since the epoch, by the clock of Redis. */
  readonly createdAt: number
  /** It ends by itself then, ms since the epoch by the clock of Redis; absent for one that is lifted. */
  readonly until?: number
}

/** A freeze as it is asked for. */
export interface NewFreeze {
  readonly target?: string | undefined
  readonly tags?: string | undefined
  readonly reason: string
  /** Seconds that it lasts. */
  readonly seconds?: number | undefined
}

const yearSeconds = 366 * 86_400

export const newFreezeSchema: z.ZodType<NewFreeze, NewFreeze> = z
  .strictObject({
    target: nameSchema.optional(),
    tags: tagExpressionSchema.optional(),
    reason: z
      .string()
      .trim()
      .min(1)
      .max(300)
      .regex(/^\P{Cc}+$/u, 'one line without control characters'),
    seconds: z.int().min(1).max(yearSeconds).optional(),
  })
  .check(({ value, issues }) => {
    if ((value.target === undefined) === (value.tags === undefined))
      issues.push({ code: 'custom', input: value.target, path: ['target'], message: 'name a target or tags, and not both' })
  })

/** Whether a freeze still holds. @param now ms since the epoch, by the clock of Redis */
export const holds = ({ until }: Freeze, now: number): boolean => until === undefined || until > now

/**
 * The freeze that a target is under: the oldest of them, so that its reason does not change while it waits.
 * @param now ms since the epoch, by the clock of Redis
 */
export const freezeOf = (
  freezes: readonly Freeze[],
  target: { readonly name: string; readonly tags: readonly string[] },
  now: number,
): Freeze | undefined =>
  freezes
    .filter((freeze) => holds(freeze, now))
    .filter(({ target: name, tags }) => (tags === undefined ? name === target.name : matchesTags(tags, target.tags)))
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1))[0]

/** What a job that waits for its end says. */
export const frozenReason = ({ id, reason, until }: Freeze): string =>
  `frozen${until === undefined ? '' : ` until ${new Date(until).toISOString()}`}: ${reason} (lift it with: telpher unfreeze ${id})`
