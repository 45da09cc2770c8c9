import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const sandbox = fileURLToPath(new URL('../../src/sandbox', import.meta.url))

/** A process of its own that uses the sandbox, so that a test can kill it like the kernel would. */
export interface SandboxChild {
  /** The next line that it prints. */
  line(): Promise<string>
  /** kill -9. */
  kill(): Promise<void>
}

/**
 * Runs a module text under this Node.
 * @param text may import from `SANDBOX/…`, the folder src/sandbox
 */
export const sandboxChild = (text: string, env: Readonly<Record<string, string>> = {}): SandboxChild => {
  const source = text.replaceAll('SANDBOX', sandbox)
  const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  if (child.stdout === null) throw new Error('no output')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  return {
    line: async () => {
      const next = await lines.next()
      if (next.done === true) throw new Error('the child ended')
      return next.value
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
