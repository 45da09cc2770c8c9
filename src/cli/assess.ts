import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { assess } from '../cluster/assess/index.ts'
import { toTelpherError } from '../model/errors.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import type { Entry } from './objects/entries.ts'
import { readObjects } from './objects/read.ts'

/** Answers are written together, but never kept for longer than this many characters. */
const mostKept = 64 * 1024

const problem = (id: string | number, code: string, message: string): string => JSON.stringify({ id, error: { code, message } })

const answerTo = ({ id, object, problem: wrong = '' }: Entry): { readonly line: string; readonly ok: boolean } => {
  if (object === undefined) return { line: problem(id, 'invalid_manifest', wrong), ok: false }
  try {
    const { status, message, rule } = assess(object)
    return { line: JSON.stringify({ id, status, message, rule }), ok: true }
  } catch (thrown) {
    const error = toTelpherError(thrown)
    return { line: problem(id, error.code, error.message), ok: false }
  }
}

const why: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder: name the files in it',
  EACCES: 'it may not be read',
}

const reasonOf = (thrown: unknown): string => {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  return why[code] ?? (thrown instanceof Error ? thrown.message : String(thrown))
}

/** Answers for every object of one input. @returns whether all of it could be read */
const assessAll = async (cli: Cli, name: string, chunks: AsyncIterable<Uint8Array>): Promise<boolean> => {
  let [isGood, kept] = [true, '']
  const write = async (): Promise<void> => {
    cli.stdout.write(kept)
    kept = ''
    await cli.stdout.drained?.()
  }
  try {
    for await (const entries of readObjects(name, chunks)) {
      for (const entry of entries) {
        const { line, ok } = answerTo(entry)
        kept += `${line}\n`
        isGood &&= ok
        if (kept.length > mostKept) await write()
      }
      if (kept !== '') await write()
    }
  } catch (thrown) {
    cli.stdout.write(`${kept}${problem(name, 'invalid_input', `${name} cannot be read: ${reasonOf(thrown)}`)}\n`)
    return false
  }
  return isGood
}

/**
 * `telpher assess`: the verifier's judgement of objects that somebody has, without a cluster; no server is asked.
 * @returns exit code 2 when something could not be read, whatever the others are
 */
export const runAssess: Command<object> = async (cli, args) => {
  let isGood = true
  for (const file of args.length === 0 ? ['-'] : args) {
    const [name, chunks] = file === '-' ? ['stdin', cli.stdin()] : [file, createReadStream(resolve(cli.cwd, file))]
    if (!(await assessAll(cli, name, chunks))) isGood = false
  }
  return isGood ? exitCodes.ok : exitCodes.usage
}
