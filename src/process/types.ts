import type { Phase } from '../model/deadlines.ts'
import type { GraceName } from '../model/graces.ts'
import type { HelmMajor } from '../model/image.ts'
import type { RetryClass } from '../model/retry.ts'
import type { Rollout } from '../model/rollout.ts'
import type { Standing, StepCondition } from '../model/step.ts'

/** A step of a path into the file: keys and indices. */
export type Path = readonly (string | number)[]

/** A place in the file, both counted from 1; columns are UTF-16 units, as editors count them. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** One thing that is wrong with a process file, and where. */
export interface Problem extends Place {
  /** Such as `steps[1].helm.chart`; empty for the whole file. */
  readonly path: string
  /** One sentence about it. */
  readonly message: string
  /** What to write in its place, where that can be guessed. */
  readonly hint?: string
}

export type InputSpec =
  | {
      type: 'string'
      description?: string | undefined
      default?: string | undefined
      required?: true | undefined
      pattern?: string | undefined
    }
  | { type: 'number'; description?: string | undefined; default?: number | undefined; required?: true | undefined }
  | { type: 'boolean'; description?: string | undefined; default?: boolean | undefined; required?: true | undefined }
  | { type: 'choice'; options: string[]; description?: string | undefined; default?: string | undefined; required?: true | undefined }

export interface HelmEntry {
  chart: string
  release?: string | undefined
  values?: string[] | undefined
  set?: Record<string, string | number | boolean> | undefined
  setSecret?: Record<string, string> | undefined
  createNamespace?: boolean | undefined
  historyMax?: number | undefined
  takeOver?: boolean | undefined
  version?: HelmMajor | undefined
}

export interface StepEntry {
  name: string
  apply?: string | string[] | undefined
  helm?: HelmEntry | undefined
  namespace?: string | undefined
  image?: string | undefined
  deadline?: string | undefined
  deadlines?: Readonly<Partial<Record<Phase, string>>> | undefined
  settle?: string | undefined
  graces?: Readonly<Partial<Record<GraceName, string | number>>> | undefined
  when?: StepCondition | undefined
  retries?: { max: number; on?: RetryClass[] | undefined; backoff?: string | undefined } | undefined
}

/** A process file as it is written: nothing filled in. */
export interface Process extends Standing {
  name: string
  inputs?: Record<string, InputSpec> | undefined
  targets?: { tags?: string[] | undefined; names?: string[] | undefined } | undefined
  rollout?: Rollout | undefined
  deadline?: string | undefined
  steps: StepEntry[]
}

/** `steps[1].helm.chart`, as people write paths. */
export const pathText = (path: Path): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
