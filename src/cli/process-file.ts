import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { TelpherError } from '../model/errors.ts'
import { decodeText } from '../model/text.ts'
import type { Finding } from '../process/check.ts'
import { frameOf } from '../process/frame.ts'
import { type Parsed, parseProcess, type ReadProcess } from '../process/parse.ts'
import { type Problem, pathText } from '../process/types.ts'
import { safe } from './text.ts'

/** The process file that is meant when none is named. */
export const usualFile = 'telpher.yaml'

export interface ProcessFile {
  /** As the user named it. */
  readonly file: string
  /** What its paths are relative to. */
  readonly folder: string
  readonly source: string
  readonly parsed: Parsed
}

/** @throws TelpherError usage when it cannot be read, invalid_process when it is no text */
export const readProcessFile = async (cwd: string, file: string): Promise<ProcessFile> => {
  const path = resolve(cwd, file)
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new TelpherError('usage', `there is no process file ${file}: write one with telpher init`, { cause, field: file })
  })
  const source = decodeText(bytes)
  if (typeof source !== 'string') throw new TelpherError('invalid_process', `${file} is ${source.problem}`, { field: file })
  return { file, folder: dirname(path), source, parsed: parseProcess(source) }
}

/** Findings that came up after parsing, with their places. */
export const placed = (read: ReadProcess, findings: readonly Finding[]): Problem[] =>
  findings.map(({ path, message, hint }) => ({
    ...read.placeOf(path),
    path: pathText(path),
    message,
    ...(hint === undefined ? {} : { hint }),
  }))

/** A problem for people: place, sentence, the lines around it, and what to write in its place. */
export const problemText = ({ file, source }: Pick<ProcessFile, 'file' | 'source'>, { line, column, message, hint }: Problem): string =>
  [`${file}:${line}:${column}: ${message}`, ...frameOf(source, { line, column }), ...(hint === undefined ? [] : [`  ${hint}`])]
    .map((text) => `${safe(text)}\n`)
    .join('')
