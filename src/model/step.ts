import { z } from 'zod'
import { nameSchema, tagSchema } from './target.ts'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'give the SHA-256 of an uploaded package, 64 hexadecimal digits')
const relativePath = z
  .string()
  .min(1)
  .max(1024)
  .refine((path) => !path.startsWith('/') && !path.split('/').includes('..'), 'give a path inside the package')

const everyStep = {
  /** The name of the step, and of the inventory it owns on each target. */
  name: nameSchema,
  package: sha256,
  namespace: nameSchema.optional(),
  /** Execution image; the worker's default when absent. */
  image: z.string().min(1).max(255).optional(),
  /** Whole life of the job once started, in seconds. */
  deadlineSeconds: z.number().int().min(10).max(21_600).default(600),
  /** Overrides the target's settle time, in seconds. */
  settleSeconds: z.number().min(0).max(600).optional(),
}

export const applyStepSchema = z.object({
  kind: z.literal('apply'),
  ...everyStep,
  /** Files, folders and globs inside the package; everything when absent. */
  paths: z.array(relativePath).min(1).max(100).optional(),
})

export const helmStepSchema = z.object({
  kind: z.literal('helm'),
  ...everyStep,
  /** Chart folder or .tgz inside the package. */
  chart: relativePath.default('.'),
  /** Helm refuses longer names (helm.sh: release names are at most 53 characters). */
  release: z.string().regex(/^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$/, 'use lower-case letters, digits, dashes and dots, at most 53'),
  values: z.array(relativePath).max(50).default([]),
  set: z.record(z.string().min(1), z.string()).default({}),
  createNamespace: z.boolean().default(false),
  historyMax: z.number().int().min(1).max(100).default(10),
})

export const stepSchema = z.discriminatedUnion('kind', [applyStepSchema, helmStepSchema])
export type ApplyStep = z.infer<typeof applyStepSchema>
export type HelmStep = z.infer<typeof helmStepSchema>
export type Step = z.infer<typeof stepSchema>
export type StepKind = Step['kind']

/** Whether a second attempt of this kind may simply run after the first was fenced: its late writes say the same. */
export const rerunnable: Readonly<Record<StepKind, boolean>> = { apply: true, helm: true }

/** The body of POST /v1/deployments. Steps run one after the other on each target. */
export const deploymentRequestSchema = z
  .object({
    name: z.string().min(1).max(200).optional(),
    steps: z.array(stepSchema).min(1).max(50),
    targets: z.array(nameSchema).max(500).default([]),
    tag: tagSchema.optional(),
  })
  .refine((request) => request.targets.length > 0 || request.tag !== undefined, {
    path: ['targets'],
    error: 'name at least one target, or a tag',
  })
  .refine((request) => new Set(request.steps.map((step) => step.name)).size === request.steps.length, {
    path: ['steps'],
    error: 'give each step a name of its own',
  })
export type DeploymentRequest = z.infer<typeof deploymentRequestSchema>
