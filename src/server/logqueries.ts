import { z } from '@hono/zod-openapi'

const lineNumber = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
/** The most lines of one window. */
const mostLines = 10_000

/** Which lines of a log are asked for; without `from`, `limit` and `tail` all after `after`. */
export const logQuery: z.ZodObject<{
  after: z.ZodOptional<z.ZodCoercedNumber>
  from: z.ZodOptional<z.ZodCoercedNumber>
  tail: z.ZodOptional<z.ZodCoercedNumber>
  limit: z.ZodOptional<z.ZodCoercedNumber>
}> = z
  .object({
    after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    from: lineNumber.optional(),
    tail: z.coerce.number().int().min(1).max(mostLines).optional(),
    limit: z.coerce.number().int().min(1).max(mostLines).optional(),
  })
  .refine(({ from, tail }) => from === undefined || tail === undefined, { path: ['tail'], error: 'give from or tail, not both' })

export const searchQuery: z.ZodObject<{
  q: z.ZodString
  ignoreCase: z.ZodDefault<z.ZodEnum<{ true: 'true'; false: 'false' }>>
  limit: z.ZodDefault<z.ZodCoercedNumber>
}> = z.object({
  q: z
    .string()
    .min(1)
    .max(1000)
    .refine((text) => !text.includes('\n'), { error: 'a line has no line end within' }),
  ignoreCase: z.enum(['true', 'false']).default('false'),
  limit: z.coerce.number().int().min(0).max(1000).default(100),
})
