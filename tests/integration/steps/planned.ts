import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import type { PlanFile, StepPlan } from '../../../src/model/plan.ts'
import type { JobEnd } from '../../../src/model/states.ts'
import { type Step, type StepInput, stepSchema } from '../../../src/model/step.ts'
import type { Target } from '../../../src/model/target.ts'
import { binaryPath } from '../../../src/sandbox/setup/binaries.ts'
import { endOfExit } from '../../../src/steps/end.ts'
import { kubeconfigFile } from '../../../src/steps/kubeconfig.ts'
import type { PackageFiles } from '../../../src/steps/package/unpack.ts'
import { planStep } from '../../../src/steps/plan.ts'
import type { OpenGate } from '../gate/harness.ts'

/** A step of its own package, with everything that does not matter here filled in. */
export const stepOf = (input: Record<string, unknown>): Step =>
  stepSchema.parse({ name: 'web', package: 'a'.repeat(64), ...input } as StepInput)

export const filesOf = (files: Readonly<Record<string, string | Buffer>>): PackageFiles =>
  new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]))

export interface Finished {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
  /** The end that the step would have had, if this was not a success. */
  readonly end: JobEnd
}

export interface Started {
  readonly done: Promise<Finished>
  kill(signal: 'SIGTERM' | 'SIGKILL'): void
}

const write = async (folder: string, files: readonly PlanFile[]): Promise<void> => {
  for (const { path, content, mode } of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
    await chmod(join(folder, path), mode)
  }
}

/** The folder stands for the container's working directory. */
const within = (folder: string, text: string): string => text.replaceAll(/(?<![\w/])\/work\b/g, folder)

/**
 * Runs what a step comes to with the real programs, on this machine instead of in a container: its files in a folder of
 * their own, its environment and nothing else, its requests through a real gate.
 * @param instead another command line over the same files
 */
export const start = async (
  gate: OpenGate,
  step: Step,
  namespace: string,
  files: PackageFiles,
  instead: (argv: readonly string[]) => readonly string[] = (argv) => argv,
): Promise<Started> => {
  const plan: StepPlan = planStep({
    step,
    target: { namespace } as Target,
    files,
    origin: { deploymentId: 'd-1', jobId: 'j-1', attempt: 1 },
  })
  const folder = await mkdtemp(join(tmpdir(), 'telpher-step-'))
  await write(folder, [...plan.files, kubeconfigFile({ port: gate.port, nonce: 'n0nce', namespace: plan.namespace })])
  const programs = [binaryPath('kubectl'), binaryPath('helm')].map((path) => dirname(path))
  const env = Object.fromEntries(Object.entries(plan.env).map(([name, value]) => [name, within(folder, value)]))
  const [program = '', ...args] = instead(plan.argv).map((arg) => within(folder, arg))
  const running = execa(program, args, {
    cwd: folder,
    env: { ...env, PATH: [...programs, env['PATH']].join(':') },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    preferLocal: false,
  })
  const done = running.then(async (result): Promise<Finished> => {
    await gate.gate.settled()
    await rm(folder, { recursive: true, force: true })
    const exit = { code: result.exitCode ?? null, signal: result.signal ?? null, oom: false }
    const errors = String(result.stderr).replaceAll(folder, '/work')
    const end = endOfExit({ step, exit, errors, writes: gate.gate.entries(), refusals: gate.gate.refusals() })
    return { code: exit.code, signal: exit.signal, stdout: String(result.stdout), stderr: errors, end }
  })
  return { done, kill: (signal) => void running.kill(signal) }
}

/** Runs a step to its end. */
export const run = async (...args: Parameters<typeof start>): Promise<Finished> => (await start(...args)).done

/** A file below tests/fixtures. */
export const fixture = (path: string): Promise<Buffer> => readFile(new URL(`../../fixtures/${path}`, import.meta.url))
