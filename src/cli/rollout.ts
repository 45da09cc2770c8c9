import { TelpherError } from '../model/errors.ts'
import { type Rollout, rolloutSchema } from '../model/rollout.ts'
import { readTags } from '../model/tags.ts'

export interface RolloutFlags {
  readonly maxParallel?: string
  readonly canary?: string
  readonly stopAfter?: string
}

/** The expressions of --tag as one, all of which must hold. @throws TelpherError usage, with the column */
export const tagsOf = (given: readonly string[] = []): string | undefined => {
  for (const text of given) {
    const read = readTags(text)
    if (!read.ok) throw new TelpherError('usage', `--tag "${text}", column ${read.column}: ${read.message}`, { field: '--tag' })
  }
  const [first] = given
  return given.length < 2 ? first : given.map((text) => `(${text})`).join(' and ')
}

const options = { maxParallel: '--max-parallel', canary: '--canary', stopAfter: '--stop-after' } as const

const isNumber = (text: string): boolean => /^[0-9]{1,6}$/.test(text)
const canaryOf = (text: string): number | string[] => (isNumber(text) ? Number(text) : text.split(','))

/** How the targets are to be taken, as the command line says; undefined when it says nothing. @throws TelpherError usage */
export const rolloutOf = ({ maxParallel, canary, stopAfter }: RolloutFlags): Rollout | undefined => {
  const rollout = {
    ...(maxParallel === undefined ? {} : { maxParallel: Number(maxParallel) }),
    ...(canary === undefined ? {} : { canary: canaryOf(canary) }),
    ...(stopAfter === undefined ? {} : { stopAfter: Number(stopAfter) }),
  }
  if (Object.keys(rollout).length === 0) return undefined
  const checked = rolloutSchema.safeParse(rollout)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const field = options[issue?.path[0] as keyof typeof options]
  throw new TelpherError(
    'usage',
    `${field}: give ${field === '--canary' ? 'a number from 1 to 500, or names of targets with commas' : 'a number from 1 to 500'}`,
    { field },
  )
}
