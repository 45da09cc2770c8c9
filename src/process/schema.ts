import { z } from 'zod'
import { longestDeployment, phaseBounds, phases, phaseTable, readPhaseDeadline } from '../model/deadlines.ts'
import { durationSeconds } from '../model/duration.ts'
import { boundsOf, type GraceName, graceNames, graceTable, readGrace } from '../model/graces.ts'
import { helmMajors } from '../model/image.ts'
import { retryClasses, usualClasses } from '../model/retry.ts'
import { type Rollout, rolloutSchema } from '../model/rollout.ts'
import { standingShape, stepConditions } from '../model/step.ts'
import { tagExpressionSchema } from '../model/tags.ts'
import { nameSchema } from '../model/target.ts'
import type { Process } from './types.ts'

const about = (title: string, description: string): { title: string; description: string } => ({ title, description })

/** A reference somewhere in a text: what the text is checked for then, is checked once it is filled in. */
const refers = (text: string): boolean => text.includes('${')

const text = (max: number): z.ZodString => z.string().min(1).max(max)
const duration = (least: number, most: number, bounds: string): z.ZodString =>
  z.string().refine((given) => {
    const total = durationSeconds(given)
    return total !== undefined && total >= least && total <= most
  }, `give a duration such as 90s, 10m or 1h30m, ${bounds}`)
const path = text(1024).refine((given) => !given.startsWith('/'), 'give a path relative to this file')
const namespace = z
  .string()
  .refine((given) => refers(given) || nameSchema.safeParse(given).success, 'use lower-case letters, digits and dashes, at most 63')

/** What an input may be called, and so be referred to as `${inputs.NAME}`. */
const inputName: RegExp = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

const isPattern = (given: string): boolean => {
  try {
    return new RegExp(given, 'u') !== undefined
  } catch {
    return false
  }
}

const everyInput = {
  description: text(500).meta(about('Description', 'What the input is for; shown when it is missing.')).optional(),
  required: z
    .literal(true)
    .meta(about('Required', 'Says that the input must be given. One without a default must be given anyway.'))
    .optional(),
}
const defaultOf = about('Default', 'The value when none is given with --input.')
const inputShapes = {
  string: {
    type: z.literal('string'),
    ...everyInput,
    default: z.string().max(4096).meta(defaultOf).optional(),
    pattern: text(200)
      .refine(isPattern, 'this is no regular expression')
      .meta(about('Pattern', 'Regular expression (JavaScript, Unicode) that the whole value must match.'))
      .optional(),
  },
  number: { type: z.literal('number'), ...everyInput, default: z.number().meta(defaultOf).optional() },
  boolean: { type: z.literal('boolean'), ...everyInput, default: z.boolean().meta(defaultOf).optional() },
  choice: {
    type: z.literal('choice'),
    ...everyInput,
    options: z.array(text(200)).min(1).max(100).meta(about('Options', 'The values that the input may have.')),
    default: z.string().meta(defaultOf).optional(),
  },
}
const inputTypes = Object.keys(inputShapes).join(', ')
const input = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject(inputShapes.string),
      z.strictObject(inputShapes.number),
      z.strictObject(inputShapes.boolean),
      z.strictObject(inputShapes.choice),
    ],
    { error: ({ code }) => (code === 'invalid_union' ? `use one of ${inputTypes}` : undefined) },
  )
  .meta(about('Input', 'A value that is given when the process is deployed. Never a secret: inputs are stored and shown.'))

const valuePath = z
  .string()
  .max(500)
  .regex(/^[^=,\s]+$/, 'use the path of a value, such as image.tag')
const secretReference = /^secret:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const helmShape = {
  chart: path.meta(about('Chart', 'Chart folder or packed chart (.tgz), relative to this file.')),
  release: text(200).meta(about('Release', 'Name of the Helm release; the name of the step when absent.')).optional(),
  values: z.array(path).max(50).meta(about('Values files', 'Values files, relative to this file; later ones win.')).optional(),
  set: z
    .record(valuePath, z.union([z.string(), z.number(), z.boolean()], 'give text, a number, or true or false'))
    .meta(about('Values', 'Single values by their path in the chart, such as image.tag; they win over values files.'))
    .optional(),
  setSecret: z
    .record(valuePath, z.string().regex(secretReference, 'give secret: and the name of a stored secret, such as secret:db-password'))
    .meta(about('Secrets', 'Single values from stored secrets, by their path in the chart, such as db.password: secret:db-password.'))
    .optional(),
  createNamespace: z.boolean().meta(about('Create namespace', 'Create the namespace of the release; false when absent.')).optional(),
  historyMax: z
    .number()
    .int()
    .min(1)
    .max(100)
    .meta(about('History', 'How many revisions of the release are kept; 10 when absent.'))
    .optional(),
  takeOver: z
    .boolean()
    .meta(
      about('Take over', 'Mark a revision that somebody else left pending as failed, without waiting for its owner; false when absent.'),
    )
    .optional(),
  version: z
    .literal([...helmMajors], `use ${helmMajors.join(' or ')}`)
    .meta(about('Helm version', 'Major version of helm that the step runs with, 3 or 4; 4 when absent.'))
    .optional(),
}

const retriesShape = {
  max: z.number().int().min(1).max(10).meta(about('Most', 'Attempts after the first, 1 to 10.')),
  on: z
    .array(z.enum(retryClasses))
    .min(1)
    .meta(about('For what', `Ends after which the step is tried again; ${usualClasses.join(' and ')} when absent.`))
    .optional(),
  backoff: duration(1, 600, 'from 1s to 10m')
    .meta(about('Backoff', 'Time before the first repetition, twice as long before each further one; 10s when absent.'))
    .optional(),
}

const graceValue = (name: GraceName): z.ZodType<string | number> => {
  const isGood = (given: string | number): boolean => readGrace(name, String(given)) !== undefined
  return z.union([z.string(), z.number()]).refine(isGood, `give ${boundsOf(name)}`)
}
const gracesShape = Object.fromEntries(
  graceNames.map((name) => [
    name,
    graceValue(name)
      .meta(about(name, `${graceTable[name].about}.`))
      .optional(),
  ]),
)

const phasesShape = Object.fromEntries(
  phases.map((phase) => [
    phase,
    z
      .string()
      .refine((given) => readPhaseDeadline(phase, given) !== undefined, `give ${phaseBounds(phase)}`)
      .meta(about(phase, `The time ${phaseTable[phase].about}.`))
      .optional(),
  ]),
)

const stepShape = {
  name: nameSchema.meta(
    about('Name', 'Name of the step, and of the inventory by which its objects are remembered: renaming it forgets them.'),
  ),
  apply: z
    .union([path, z.array(path).min(1).max(100)], 'give a path or a list of paths')
    .meta(about('Apply', 'Manifests to apply: a file, folder or glob, or several, relative to this file.'))
    .optional(),
  helm: z.strictObject(helmShape).meta(about('Helm', 'Helm chart to install or upgrade.')).optional(),
  namespace: namespace
    .meta(about('Namespace', "Namespace for objects that name none, and of the release; the target's own when absent."))
    .optional(),
  image: text(255).meta(about('Image', "Execution image; the one for the server's version when absent.")).optional(),
  deadline: duration(5, 21_600, 'from 5s to 6h')
    .meta(about('Deadline', 'Whole time of the step on a target once it started, such as 10m, which it is when absent.'))
    .optional(),
  deadlines: z
    .strictObject(phasesShape)
    .meta(about('Deadlines', 'How long single phases of the step may last on a target, such as queue: 10m.'))
    .optional(),
  settle: duration(0, 600, 'at most 10m')
    .meta(about('Settle time', "How long workloads without a readiness probe must stay up; the target's own when absent."))
    .optional(),
  graces: z
    .strictObject(gracesShape)
    .meta(
      about(
        'Graces',
        "How long each trouble of its objects may last before the step fails; the target's own, or the usual ones, when absent.",
      ),
    )
    .optional(),
  retries: z.strictObject(retriesShape).meta(about('Retries', 'How often, and for what, the step is tried again on a target.')).optional(),
  when: z
    .enum(stepConditions)
    .meta(
      about(
        'Condition',
        'After which ends of the steps before it on a target it runs: success of all (when absent), failure of one, or always. Never once cancelled.',
      ),
    )
    .optional(),
}

const targetsShape = {
  tags: z
    .array(tagExpressionSchema)
    .min(1)
    .max(20)
    .meta(about('Tags', 'Every target for which all of these hold: a tag, or an expression such as env=prod and not legacy.'))
    .optional(),
  names: z.array(nameSchema).min(1).max(500).meta(about('Names', 'Targets by their names.')).optional(),
}

/** What a kind of step is written as. */
const stepKinds = ['apply', 'helm'] as const

const kindsOf = (step: unknown): string[] => stepKinds.filter((kind) => (step as Record<string, unknown>)[kind] !== undefined)

const step = z
  .strictObject(stepShape)
  .meta(about('Step', `One piece of work: ${stepKinds.join(' or ')}.`))
  .refine((given) => kindsOf(given).length === 1, {
    when: ({ value }) => typeof value === 'object' && value !== null,
    error: ({ input }) =>
      kindsOf(input).length === 0
        ? `say what the step does: ${stepKinds.join(' or ')}`
        : `a step does one thing: ${kindsOf(input).join(' or ')}, in two steps`,
  })

const processShape = {
  name: nameSchema.meta(about('Name', 'Name of the process, and of the deployments made of it.')),
  inputs: z
    .record(z.string().regex(inputName, 'use letters, digits, dashes and underscores, beginning with a letter'), input)
    .meta(
      about('Inputs', 'Values given at deployment with --input NAME=VALUE; texts of steps refer to them (docs/reference/process-file.md).'),
    )
    .optional(),
  targets: z
    .strictObject(targetsShape)
    .meta(about('Targets', 'Where to deploy to, unless the command line says otherwise: by tags, by names, or both.'))
    .optional(),
  rollout: rolloutSchema.meta(about('Rollout', 'In which order the targets are taken, and when no more are.')).optional(),
  deadline: duration(5, longestDeployment, 'from 5s to 720h')
    .meta(about('Deadline', 'Whole time of the deployment, waiting included; without a bound when absent.'))
    .optional(),
  priority: standingShape.priority.meta(
    about('Priority', 'Begins before or after other deployments where not all can; normal when absent.'),
  ),
  weight: standingShape.weight.meta(about('Weight', 'Its share of the workers beside other deployments, 1 to 100; 1 when absent.')),
  whenBusy: standingShape.whenBusy.meta(
    about('When busy', 'When another deployment holds what it changes: wait, yield (give way to a newer one while it waits), or fail.'),
  ),
  steps: z.array(step).min(1).max(50).meta(about('Steps', 'Run one after the other on each target, in this order.')),
}

/** The form of telpher.yaml; what spans several fields is checked in check.ts. */
export const processSchema: z.ZodType<Process, Process> = z
  .strictObject(processShape)
  .meta(about('Telpher process', 'What a deployment does, as steps that run one after the other on each target.'))

const rolloutKeys = ['maxParallel', 'canary', 'stopAfter'] as const satisfies readonly (keyof Rollout)[]
const keysOf = (shape: object): string[] => Object.keys(shape)
const inputKeys = [...new Set(Object.values(inputShapes).flatMap(keysOf))]

/** The keys that may stand at a path; undefined where keys are free. */
export const knownKeys = (path: readonly PropertyKey[]): readonly string[] | undefined => {
  const [top, , inner] = path
  if (path.length === 0) return keysOf(processShape)
  if (top === 'targets' && path.length === 1) return keysOf(targetsShape)
  if (top === 'rollout' && path.length === 1) return rolloutKeys
  if (top === 'inputs' && path.length === 2) return inputKeys
  if (top !== 'steps') return undefined
  if (path.length === 2) return keysOf(stepShape)
  if (path.length !== 3) return undefined
  if (inner === 'deadlines') return phases
  return inner === 'helm' ? keysOf(helmShape) : inner === 'retries' ? keysOf(retriesShape) : undefined
}

/**
 * The form of telpher.yaml as JSON Schema for editors: draft 7, the newest that yaml-language-server reads.
 * @returns an object that JSON can hold
 */
export const editorSchema = (): Record<string, unknown> => ({
  ...z.toJSONSchema(processSchema, {
    target: 'draft-7',
    io: 'input',
    override: ({ jsonSchema }) => {
      if (jsonSchema.title === 'Step') jsonSchema.oneOf = stepKinds.map((kind) => ({ required: [kind] }))
    },
  }),
})
