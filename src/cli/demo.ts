import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from './context.ts'
import { runHere, type SandboxFlags, startSandbox } from './sandboxed.ts'

interface Act {
  readonly title: string
  readonly args: readonly string[]
  /** The exit code that it ought to end with. */
  readonly expected: number
  readonly ending: string
}

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

const acts: readonly Act[] = [
  { title: 'an app as YAML', args: ['deploy', example('web'), '--target', 'local'], expected: 0, ending: 'success' },
  {
    title: 'an app as a Helm chart',
    args: ['deploy', example('web-chart'), '--helm', 'web-chart', '--target', 'local', '--namespace', 'shop', '--create-namespace'],
    expected: 0,
    ending: 'success',
  },
  {
    title: 'an image that is not there',
    args: ['deploy', example('broken'), '--target', 'local'],
    expected: 10,
    ending: 'failure, with its cause',
  },
]

/**
 * `telpher demo`: the sandbox, three deployments, a table of how they ended, and everything torn down.
 * @returns 0 only when all three ended as they should
 */
export const runDemo: Command<SandboxFlags> = async (_cli, _args, flags) => {
  const started = performance.now()
  const stack = await startSandbox(resolve('.telpher/demo'), 0, flags)
  const stopped = new AbortController()
  const stop = (): void => stopped.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const lines: string[] = []
  let right = 0
  try {
    for (const act of acts) {
      if (stopped.signal.aborted) return 130
      process.stdout.write(`\n── ${act.title}\n`)
      const begun = performance.now()
      const code = await runHere(stack, act.args)
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      const asExpected = code === act.expected
      if (asExpected) right++
      lines.push(
        `${asExpected ? '✓' : '✗'} ${act.title.padEnd(28)} ${seconds.padStart(6)} s   exit ${String(code).padEnd(3)} ${asExpected ? act.ending : `expected exit ${act.expected}`}`,
      )
    }
  } finally {
    process.stderr.write('\nending the sandbox …\n')
    await stack.stop()
  }
  process.stdout.write(
    `\n${lines.join('\n')}\n\n${right} of ${acts.length} ended as they should, ${((performance.now() - started) / 1000).toFixed(0)} s in all.\n`,
  )
  return right === acts.length ? 0 : 1
}
