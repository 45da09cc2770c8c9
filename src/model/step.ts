import { z } from 'zod'
import { longestDeployment, type PhaseDeadlines, phaseDeadlinesSchema } from './deadlines.ts'
import { type Graces, gracesSchema } from './graces.ts'
import { type HelmMajor, helmMajors } from './image.ts'
import { type Retries, type RetriesInput, retriesSchema } from './retry.ts'
import { type Rollout, rolloutSchema } from './rollout.ts'
import { type StepSecret, type StepSecretInput, stepSecretsSchema } from './stepsecret.ts'
import { tagExpressionSchema } from './tags.ts'
import { nameSchema } from './target.ts'

/** After which ends of the steps before it a step runs on a target. */
export const stepConditions = ['success', 'failure', 'always'] as const
export type StepCondition = (typeof stepConditions)[number]

/** What every kind of step has. */
interface EveryStep {
  /** The name of the step, and of the inventory it owns on each target. */
  name: string
  /** SHA-256 of an uploaded package. */
  package: string
  namespace?: string | undefined
  /** Execution image; the worker's default when absent. */
  image?: string | undefined
  /** Whole life of the job once started, in seconds. */
  deadlineSeconds: number
  /** How long single phases may last, in seconds, each by itself. */
  deadlines?: PhaseDeadlines | undefined
  /** Overrides the target's settle time, in seconds. */
  settleSeconds?: number | undefined
  /** Overrides the target's graces, each by itself. */
  graces?: Graces | undefined
  /** `success` when absent. */
  when?: StepCondition | undefined
  /** Never tried again when absent. */
  retries?: Retries | undefined
}

export interface ApplyStep extends EveryStep {
  kind: 'apply'
  /** Files, folders and globs inside the package; everything when absent. */
  paths?: string[] | undefined
}

export interface HelmStep extends EveryStep {
  kind: 'helm'
  /** Chart folder or .tgz inside the package. */
  chart: string
  release: string
  /** Values files inside the package. */
  values: string[]
  set: Record<string, string>
  /** Single values that nobody may see, by the same paths; they win over `set`. */
  setSecret?: Record<string, StepSecret> | undefined
  createNamespace: boolean
  historyMax: number
  /** Whether a pending revision of an owner that is not known is marked as failed at once; no when absent. */
  takeOver?: boolean | undefined
  /** Major version of helm; the newest that is known when absent. */
  helmVersion?: HelmMajor | undefined
}

export type Step = ApplyStep | HelmStep
export type StepKind = Step['kind']

type WithDefaults<T, Required extends keyof T> = Pick<T, Required> & {
  [Key in Exclude<keyof T, Required | 'retries' | 'setSecret'>]?: T[Key] | undefined
} & { retries?: RetriesInput | undefined }

/** A step as written by people: what has a default may be left out. */
export type StepInput =
  | WithDefaults<ApplyStep, 'kind' | 'name' | 'package'>
  | (WithDefaults<HelmStep, 'kind' | 'name' | 'package' | 'release'> & { setSecret?: Record<string, StepSecretInput> | undefined })

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'give the SHA-256 of an uploaded package, 64 hexadecimal digits')
const relativePath = z
  .string()
  .min(1)
  .max(1024)
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'give a path inside the package')

const everyStep = {
  name: nameSchema,
  package: sha256,
  namespace: nameSchema.optional(),
  image: z.string().min(1).max(255).optional(),
  deadlineSeconds: z.number().int().min(5).max(21_600).default(600),
  deadlines: phaseDeadlinesSchema.optional(),
  settleSeconds: z.number().min(0).max(600).optional(),
  graces: gracesSchema.optional(),
  when: z.enum(stepConditions).optional(),
  retries: retriesSchema.optional(),
}

const applyStepSchema = z.object({ kind: z.literal('apply'), ...everyStep, paths: z.array(relativePath).min(1).max(100).optional() })

const helmStepObject = z.object({
  kind: z.literal('helm'),
  ...everyStep,
  chart: relativePath.default('.'),
  // Helm refuses longer names (helm.sh: a release name has at most 53 characters).
  release: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$/, 'use lower-case letters, digits, dashes and dots, at most 53'),
  values: z.array(relativePath).max(50).default([]),
  set: z.record(z.string().min(1), z.string()).default({}),
  setSecret: stepSecretsSchema.optional(),
  createNamespace: z.boolean().default(false),
  historyMax: z.number().int().min(1).max(100).default(10),
  takeOver: z.boolean().optional(),
  helmVersion: z.literal([...helmMajors], 'use 3 or 4').optional(),
})

const helmStepSchema = helmStepObject.superRefine(({ set, setSecret = {} }, context) => {
  for (const path of Object.keys(setSecret))
    if (Object.hasOwn(set, path))
      context.addIssue({ code: 'custom', path: ['setSecret', path], message: 'it is in set too: leave one out' })
})

export const stepSchema: z.ZodType<Step, StepInput> = z.discriminatedUnion('kind', [applyStepSchema, helmStepSchema])

/** Whether a second attempt of this kind may run once the first was fenced: its late writes say the same as the re-run's. */
export const rerunnable: Readonly<Record<StepKind, boolean>> = { apply: true, helm: true }

/** Which deployments begin first where not all can. */
export const priorities = ['high', 'normal', 'low'] as const
export type Priority = (typeof priorities)[number]

/**
 * What a deployment does when another one holds what it would change: wait for it; wait, and give way to a newer one that comes for the
 * same; or fail.
 */
export const busyPolicies = ['wait', 'yield', 'fail'] as const
export type BusyPolicy = (typeof busyPolicies)[number]

/** How a deployment stands beside others. */
export interface Standing {
  /** Begins before or after others where not all can; `normal` when absent. */
  priority?: Priority | undefined
  /** Its share of the workers beside that of others, 1 to 100; 1 when absent. */
  weight?: number | undefined
  /** `wait` when absent. */
  whenBusy?: BusyPolicy | undefined
}

/** The parts of it, for who writes a schema of their own. */
export const standingShape: { [Key in keyof Standing]-?: z.ZodType<Standing[Key], Standing[Key]> } = {
  priority: z.enum(priorities).optional(),
  weight: z.int().min(1).max(100).optional(),
  whenBusy: z.enum(busyPolicies).optional(),
}

/** The standing that something has, alone. */
export const standingOf = ({ priority, weight, whenBusy }: Standing): Standing => ({
  ...(priority === undefined ? {} : { priority }),
  ...(weight === undefined ? {} : { weight }),
  ...(whenBusy === undefined ? {} : { whenBusy }),
})

/** The body of POST /v1/deployments. Steps run one after the other on each target, each when its condition holds. */
export interface DeploymentRequest extends Standing {
  name?: string | undefined
  steps: Step[]
  targets: string[]
  /** A tag, or an expression of tags such as `env=prod and not legacy`. */
  tag?: string | undefined
  rollout?: Rollout | undefined
  /** Whole life of the deployment, waiting included, in seconds; without a bound when absent. */
  deadlineSeconds?: number | undefined
  /** What the inputs of its process were, for who looks later: the steps have them filled in. */
  inputs?: Record<string, string> | undefined
}

export interface DeploymentRequestInput extends Standing {
  name?: string | undefined
  steps: StepInput[]
  targets?: string[] | undefined
  tag?: string | undefined
  rollout?: Rollout | undefined
  deadlineSeconds?: number | undefined
  inputs?: Record<string, string> | undefined
}

export const deploymentRequestSchema: z.ZodType<DeploymentRequest, DeploymentRequestInput> = z
  .object({
    name: z.string().min(1).max(200).optional(),
    steps: z.array(stepSchema).min(1).max(50),
    targets: z.array(nameSchema).max(500).default([]),
    tag: tagExpressionSchema.optional(),
    rollout: rolloutSchema.optional(),
    deadlineSeconds: z.int().min(5).max(longestDeployment).optional(),
    ...standingShape,
    inputs: z
      .record(z.string().min(1).max(128), z.string().max(4096))
      .refine((inputs) => Object.keys(inputs).length <= 100, 'give at most 100 inputs')
      .optional(),
  })
  .refine((request) => request.targets.length > 0 || request.tag !== undefined, {
    path: ['targets'],
    error: 'name at least one target, or a tag',
  })
  .refine((request) => new Set(request.steps.map((step) => step.name)).size === request.steps.length, {
    path: ['steps'],
    error: 'give each step a name of its own',
  })
