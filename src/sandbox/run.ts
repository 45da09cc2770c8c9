import { execa } from 'execa'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
}

/**
 * Runs a program to its end.
 * @returns its standard output, without the last newline
 * @throws Error that names the program and ends with the last lines of its error output
 */
export const run = async (file: string, args: readonly string[], options: RunOptions = {}): Promise<string> => {
  const { exitCode, stdout, stderr, shortMessage, failed } = await execa(file, args, {
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env, extendEnv: false }),
  })
  if (!failed) return stdout
  const end = String(stderr ?? '')
    .trimEnd()
    .split('\n')
    .slice(-10)
    .join('\n')
  throw new Error(`${file} ${args.slice(0, 2).join(' ')} failed (${exitCode ?? shortMessage})\n${end}`)
}
