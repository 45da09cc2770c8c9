import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Endpoint } from '../../src/sandbox/processes.ts'

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface CliResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the real CLI as a process against a stack's server. */
export const runCli = async (
  stack: { readonly server: Pick<Endpoint, 'url' | 'tokenFile'> },
  args: readonly string[],
  options: { timeoutMs?: number; cwd?: string } = {},
): Promise<CliResult> => {
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    [main, '--server', stack.server.url, '--token-file', stack.server.tokenFile, ...args],
    {
      reject: false,
      timeout: options.timeoutMs ?? 240_000,
      stdin: 'ignore',
      env: { NO_COLOR: '1' },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    },
  )
  return { code: exitCode ?? -1, stdout, stderr }
}
