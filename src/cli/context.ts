import { once } from 'node:events'
import { hostname } from 'node:os'
import type { Client } from '../client/http.ts'
import { type ColorMode, createPalette, type Palette, wantsColor } from './color.ts'
import type { OutputFormat } from './output.ts'

/** A stream that a command writes to. */
export interface Out {
  write(text: string): void
  readonly isTTY: boolean
  /** Width of the terminal; 80 where there is none. */
  columns(): number
  /** Waits until the reader has taken what was written; absent where writing never waits. */
  drained?(): Promise<void>
}

/** What is outside of the program, so that tests can stand in for it. */
export interface Io {
  /** Data only. */
  readonly stdout: Out
  /** Progress, hints and errors. */
  readonly stderr: Out
  /** Standard input; it is opened when it is asked for. */
  stdin(): AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
}

/** Flags that every command has. */
export interface GlobalFlags {
  readonly server?: string
  readonly tokenFile?: string
  readonly output: OutputFormat
  readonly color: ColorMode
}

/** What every command gets. */
export interface Cli extends Io {
  readonly format: OutputFormat
  /** Colours of the data. */
  readonly paint: Palette
  /** Colours of progress and errors. */
  readonly paintErr: Palette
  /** @throws TelpherError server_unreachable when no server is named or found, unauthorized when its token cannot be read */
  client(): Promise<Client>
  /** Says something that is not data. */
  say(text: string): void
}

/**
 * A command: arguments by position, options by name.
 * @returns the exit code; undefined when the process lives on
 */
export type Command<Options> = (cli: Cli, args: readonly string[], options: Options) => Promise<number | undefined>

/** How the person at this machine is called, as far as it can be told in a header. */
const userOf = (env: Io['env']): string =>
  `${env['USER'] ?? env['LOGNAME'] ?? 'somebody'}@${hostname()}`.replaceAll(/[^\w.@-]/g, '_').slice(0, 64)

export const createCli = (io: Io, flags: GlobalFlags): Cli => ({
  ...io,
  format: flags.output,
  paint: createPalette(wantsColor(flags.color, io.stdout.isTTY, io.env)),
  paintErr: createPalette(wantsColor(flags.color, io.stderr.isTTY, io.env)),
  client: async () => {
    const [{ createClient }, { findEndpoint, readToken }] = await Promise.all([
      import('../client/http.ts'),
      import('../client/endpoint.ts'),
    ])
    const endpoint = await findEndpoint({ server: flags.server, tokenFile: flags.tokenFile, env: io.env, cwd: io.cwd })
    return createClient(endpoint.url, await readToken(endpoint.tokenFile), userOf(io.env))
  },
  say: (text) => io.stderr.write(`${text}\n`),
})

const outOf = (stream: NodeJS.WriteStream): Out => ({
  write: (text) => void stream.write(text),
  isTTY: stream.isTTY === true,
  columns: () => stream.columns || 80,
  drained: async () => {
    if (stream.writableNeedDrain) await once(stream, 'drain')
  },
})

/** The streams and the environment of this process. */
export const processIo = (): Io => ({
  stdout: outOf(process.stdout),
  stderr: outOf(process.stderr),
  // Left open when a command has its answer: there may be another question.
  stdin: () => process.stdin.iterator({ destroyOnReturn: false }),
  env: process.env,
  cwd: process.cwd(),
})
