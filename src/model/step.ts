import { z } from 'zod'
import { type Graces, gracesSchema } from './graces.ts'
import { type HelmMajor, helmMajors } from './image.ts'
import { type Retries, type RetriesInput, retriesSchema } from './retry.ts'
import { type Rollout, rolloutSchema } from './rollout.ts'
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
  createNamespace: boolean
  historyMax: number
  /** Major version of helm; the newest that is known when absent. */
  helmVersion?: HelmMajor | undefined
}

export type Step = ApplyStep | HelmStep
export type StepKind = Step['kind']

type WithDefaults<T, Required extends keyof T> = Pick<T, Required> & {
  [Key in Exclude<keyof T, Required | 'retries'>]?: T[Key] | undefined
} & { retries?: RetriesInput | undefined }

/** A step as written by people: what has a default may be left out. */
export type StepInput =
  | WithDefaults<ApplyStep, 'kind' | 'name' | 'package'>
  | WithDefaults<HelmStep, 'kind' | 'name' | 'package' | 'release'>

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
  settleSeconds: z.number().min(0).max(600).optional(),
  graces: gracesSchema.optional(),
  when: z.enum(stepConditions).optional(),
  retries: retriesSchema.optional(),
}

const applyStepSchema = z.object({ kind: z.literal('apply'), ...everyStep, paths: z.array(relativePath).min(1).max(100).optional() })

const helmStepSchema = z.object({
  kind: z.literal('helm'),
  ...everyStep,
  chart: relativePath.default('.'),
  // Helm refuses longer names (helm.sh: a release name has at most 53 characters).
  release: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$/, 'use lower-case letters, digits, dashes and dots, at most 53'),
  values: z.array(relativePath).max(50).default([]),
  set: z.record(z.string().min(1), z.string()).default({}),
  createNamespace: z.boolean().default(false),
  historyMax: z.number().int().min(1).max(100).default(10),
  helmVersion: z.literal([...helmMajors], 'use 3 or 4').optional(),
})

export const stepSchema: z.ZodType<Step, StepInput> = z.discriminatedUnion('kind', [applyStepSchema, helmStepSchema])

/** Whether a second attempt of this kind may run once the first was fenced: its late writes say the same as the re-run's. */
export const rerunnable: Readonly<Record<StepKind, boolean>> = { apply: true, helm: true }

/** The body of POST /v1/deployments. Steps run one after the other on each target, each when its condition holds. */
export interface DeploymentRequest {
  name?: string | undefined
  steps: Step[]
  targets: string[]
  /** A tag, or an expression of tags such as `env=prod and not legacy`. */
  tag?: string | undefined
  rollout?: Rollout | undefined
  /** What the inputs of its process were, for who looks later: the steps have them filled in. */
  inputs?: Record<string, string> | undefined
}

export interface DeploymentRequestInput {
  name?: string | undefined
  steps: StepInput[]
  targets?: string[] | undefined
  tag?: string | undefined
  rollout?: Rollout | undefined
  inputs?: Record<string, string> | undefined
}

export const deploymentRequestSchema: z.ZodType<DeploymentRequest, DeploymentRequestInput> = z
  .object({
    name: z.string().min(1).max(200).optional(),
    steps: z.array(stepSchema).min(1).max(50),
    targets: z.array(nameSchema).max(500).default([]),
    tag: tagExpressionSchema.optional(),
    rollout: rolloutSchema.optional(),
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
