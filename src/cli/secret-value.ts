import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { type StepSecretInput, secretProblem } from '../model/stepsecret.ts'
import { nameSchema } from '../model/target.ts'
import type { Cli } from './context.ts'

/** More than any secret has, in bytes: a device without an end is not read for ever. */
const mostRead = 1 << 20

/** Editors and echo end a line; a password of one line has none. Files of several lines, such as keys, stay as they are. */
const withoutLineEnd = (text: string): string => {
  const bare = text.replace(/\r?\n$/, '')
  return bare.includes('\n') ? text : bare
}

const readAll = async (source: AsyncIterable<Uint8Array>, tooLong: () => TelpherError): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > mostRead) throw tooLong()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * A secret from a file, or from standard input.
 * @param from path of a file, or `-`
 * @param what what it is called in errors, such as `--set-secret db.password`; the value is in none
 * @returns its text; one line loses its end
 * @throws TelpherError usage when it cannot be read, secret_refused when it is empty, too long or not UTF-8
 */
export const readSecretValue = async (cli: Pick<Cli, 'cwd' | 'stdin'>, from: string, what: string): Promise<string> => {
  const refuse = (problem: string): TelpherError => new TelpherError('secret_refused', `${what}: ${problem}`, { field: what })
  const unread = (cause: unknown): TelpherError => new TelpherError('usage', `${what}: cannot read ${from}`, { field: what, cause })
  const source = from === '-' ? cli.stdin() : createReadStream(resolve(cli.cwd, from))
  const bytes = await readAll(source, () => refuse('it has more than 1 MiB')).catch((cause: unknown) => {
    throw cause instanceof TelpherError ? cause : unread(cause)
  })
  let text: string
  try {
    text = withoutLineEnd(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    throw refuse('it is not UTF-8')
  }
  const problem = secretProblem(text)
  if (problem !== undefined) throw refuse(problem)
  return text
}

/**
 * The values of `--set-secret`: `NAME=@FILE`, `NAME=-` for standard input, `NAME=secret:STORED`.
 * @throws TelpherError usage for what has another form, a name twice, and standard input twice; as readSecretValue
 */
export const secretsOf = async (cli: Pick<Cli, 'cwd' | 'stdin'>, given: readonly string[]): Promise<Record<string, StepSecretInput>> => {
  const read: Record<string, StepSecretInput> = {}
  let usesStdin = false
  const usage = (name: string, why: string): TelpherError =>
    new TelpherError('usage', `--set-secret ${name}: ${why}`, { field: '--set-secret' })
  for (const set of given) {
    const at = set.indexOf('=')
    const [name, from] = at < 1 ? ['', ''] : [set.slice(0, at), set.slice(at + 1)]
    // What has another form may be the value itself: it is not repeated.
    if (name === '') throw usage('…', 'use NAME=@FILE, NAME=- or NAME=secret:STORED')
    if (Object.hasOwn(read, name)) throw usage(name, 'it is given twice')
    if (from.startsWith('secret:')) {
      const stored = nameSchema.safeParse(from.slice(7))
      if (!stored.success) throw usage(name, `${from} names no secret: ${stored.error.issues[0]?.message}`)
      read[name] = { secret: stored.data }
      continue
    }
    if (from !== '-' && !(from.startsWith('@') && from.length > 1))
      throw usage(name, 'a value is never on the command line, where others see it: use @FILE, - for standard input, or secret:STORED')
    if (from === '-' && usesStdin) throw usage(name, 'standard input is another secret already')
    usesStdin ||= from === '-'
    read[name] = { value: await readSecretValue(cli, from === '-' ? '-' : from.slice(1), `--set-secret ${name}`) }
  }
  return read
}
