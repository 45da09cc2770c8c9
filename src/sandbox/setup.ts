import { createInterface } from 'node:readline/promises'
import { TelpherError } from '../model/errors.ts'
import { execImage } from './execImage.ts'
import { testImagesArchive } from './kubernetes/testImages.ts'
import { type OnProgress, staged } from './progress.ts'
import { progressView } from './progressView.ts'
import { installBinary } from './setup/binaries.ts'
import { goCommand, installGo } from './setup/go.ts'
import { installLine, installPackages, mayInstall } from './setup/packages.ts'
import { describe, expected, isReady, makePlan, type NodeKind, type SetupPlan } from './setup/plan.ts'
import { shimPath } from './shim.ts'

export { shimPath } from './shim.ts'

/** Names of the images that the sandbox makes. */
export const images: { readonly exec: string; readonly web: string; readonly busybox: string } = {
  exec: execImage,
  web: 'example.test/web:1',
  busybox: 'example.test/busybox:1',
}

export interface PrepareOptions {
  /** Kinds of nodes that clusters are going to be started with. */
  readonly node: NodeKind | readonly NodeKind[]
  /** Installs packages without asking. */
  readonly yes?: boolean
  readonly onProgress?: OnProgress
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

/** The npm command line that led here, as npm hands it to its scripts. */
const npmArguments = (): string =>
  process.env['npm_lifecycle_event'] === 'test' ? 'test' : `run ${process.env['npm_lifecycle_event'] ?? 'dev'}`

const askFirst = async (): Promise<boolean> => {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question('Go ahead? [Y/n] ')
  terminal.close()
  return /^(y|yes|)$/i.test(answer.trim())
}

const refusePackages = (packages: readonly string[], why: string): never => {
  throw new TelpherError('usage', `${why}. Run this line, then start again:\n  ${installLine(packages)}`, { field: 'packages' })
}

const refuseMachine = (nodes: readonly NodeKind[]): void => {
  if (process.platform !== 'linux') throw new TelpherError('usage', 'The sandbox runs on Linux only: use a virtual machine or a container.')
  if (nodes.includes('real') && process.getuid?.() !== 0) {
    throw new TelpherError('usage', `A real Kubernetes node needs root. Start again with:\n  sudo env "PATH=$PATH" npm ${npmArguments()}`)
  }
}

const allowed = async (plan: SetupPlan, options: PrepareOptions): Promise<void> => {
  if (plan.packages.length > 0 && !mayInstall()) refusePackages(plan.packages, 'Packages are missing, and only root may install them')
  const asks = process.stdin.isTTY === true && process.stderr.isTTY === true && !process.env['CI'] && options.yes !== true
  if (plan.packages.length > 0 && asks && !(await askFirst())) refusePackages(plan.packages, 'Nothing was installed')
}

/**
 * Makes this machine ready for the sandbox: packages, Go, the programs, the shim and the images for pods. What is there is left alone; some
 * ten milliseconds when all is. Says before it starts what it will do, how long it takes and how much disk; asks on a terminal before packages
 * are installed.
 * @throws TelpherError usage with the line to run when packages are missing and this user may not install them, or said no, or is not root but
 * wants a real node
 */
export const prepare = async (options: PrepareOptions): Promise<void> => {
  const nodes = typeof options.node === 'string' ? [options.node] : options.node
  refuseMachine(nodes)
  const plan = await makePlan(nodes)
  const onProgress = options.onProgress ?? progressView(process.stderr)
  if (!isReady(plan)) say(describe(plan))
  await allowed(plan, options)
  if (plan.packages.length > 0) await staged(onProgress, 'packages', expected.packages, () => installPackages(plan.packages))
  if (plan.go) await staged(onProgress, 'go', expected.go, installGo)
  for (const name of plan.binaries) {
    const waiting = (pid: number): void => say(`process ${pid} is getting ${name} already; waiting for it`)
    await staged(onProgress, name, expected.binary(name), () => installBinary(name, goCommand, waiting))
  }
  await shimPath()
  if (nodes.includes('real')) await testImagesArchive()
}
