import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TelpherError } from '../model/errors.ts'
import { scaleWorkers, workerRange } from '../sandbox/scaling.ts'
import { prepare } from '../sandbox/setup.ts'
import { type Stack, startStack } from '../sandbox/stack.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))

/** Runs a command of this CLI against the sandbox, on the same terminal, as a person would. */
export const runHere = (stack: Stack, args: readonly string[], stdio: 'inherit' | 'ignore' = 'inherit'): Promise<number> => {
  const child: ChildProcess = spawn(
    process.execPath,
    [main, '--server', stack.server.url, '--token-file', stack.server.tokenFile, ...args],
    {
      stdio: ['ignore', stdio, stdio === 'ignore' ? 'ignore' : 'inherit'],
    },
  )
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 130)))
}

const mustRun = async (stack: Stack, args: readonly string[]): Promise<void> => {
  const code = await runHere(stack, args)
  if (code !== 0) throw new TelpherError('internal', `telpher ${args.join(' ')} ended with ${code}`)
}

/** The sandbox's own flags. */
export interface SandboxFlags {
  readonly workers?: string
}

/**
 * Installs and builds what is missing, brings the whole chain up on a real node, and adds the target `local`.
 * @param dir state folder
 * @param port of the server; 0 for a free one
 * @param flags.workers how many workers: a number, or a range in which they are scaled; 1 when absent
 */
export const startSandbox = async (dir: string, port: number, { workers = '1' }: SandboxFlags = {}): Promise<Stack> => {
  const range = workerRange(workers)
  await prepare({ node: 'real' })
  const started = performance.now()
  const stack = await startStack({
    dir,
    fresh: true,
    node: 'real',
    workers: 0,
    port,
    onStage: (stage) => process.stderr.write(`  ${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  starting ${stage}\n`),
  })
  let stopScaling = async (): Promise<void> => {}
  try {
    // A fixed number, too: what ends, or is replaced by telpher worker rollout, is started again.
    stopScaling = await scaleWorkers(stack, range, (text) => process.stderr.write(`  workers: ${text}\n`))
    await mustRun(stack, [
      'target',
      'add',
      'local',
      '--from-kubeconfig',
      'local',
      '--file',
      stack.cluster.kubeconfig,
      // A sandbox is its owner's own, and what is deployed there may make its namespaces.
      '--mode',
      'client-certificate',
      '--namespace',
      'default',
      '--namespace',
      'shop',
    ])
    for (let tries = 0; ; tries++) {
      if ((await runHere(stack, ['target', 'check', 'local'], tries < 20 ? 'ignore' : 'inherit')) === 0) break
      if (tries >= 20) throw new TelpherError('internal', 'the check of the target local does not pass')
      await pause(500)
    }
    return { ...stack, stop: () => stopScaling().then(stack.stop) }
  } catch (thrown) {
    await stopScaling()
    await stack.stop()
    throw thrown
  }
}
