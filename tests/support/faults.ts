import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { Detail } from '../../src/client/http.ts'
import type { CliResult } from './cli.ts'

/** A row of docs/reference/faults.md: what a fault must come to. */
export interface Fault {
  readonly id: string
  /** Result of the deployment; `-` when there is none, since it is refused before. */
  readonly result: string
  readonly exit: number
  /** Error code; `-` for a success. */
  readonly code: string
  /** A part of the sentence that people read. */
  readonly sentence: string
}

const page = new URL('../../docs/reference/faults.md', import.meta.url)

const faultIn = (line: string): Fault | undefined => {
  const [id = '', , result = '', exit = '', code = '', sentence = ''] = line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
  return /^[a-z0-9][a-z0-9-]*$/.test(id) && /^\d+$/.test(exit) ? { id, result, exit: Number(exit), code, sentence } : undefined
}

/** Every row of the page, in its order. */
export const faults: readonly Fault[] = readFileSync(page, 'utf8')
  .split('\n')
  .map(faultIn)
  .filter((fault) => fault !== undefined)

/** The row of an id. @throws Error when the page has none */
const fault = (id: string): Fault => {
  const found = faults.find((row) => row.id === id)
  if (found === undefined) throw new Error(`docs/reference/faults.md has no row ${id}`)
  return found
}

/** What `telpher deploy -o json` printed. @throws Error with everything it said when that is no document */
export const detailOf = ({ code, stdout, stderr }: CliResult): Detail => {
  try {
    return JSON.parse(stdout) as Detail
  } catch (cause) {
    throw new Error(`no JSON; exit code ${code}\n${stdout}\n${stderr}`, { cause })
  }
}

/**
 * Compares how a deployment ended with its row: exit code, result, error code and sentence.
 * @param ran `telpher deploy … -o json`
 * @returns the document, for what a test wants to look at beyond the row; undefined when the deployment was refused before it began
 */
export const expectFault = (id: string, ran: CliResult): Detail | undefined => {
  const row = fault(id)
  if (row.result === '-') {
    expect(ran, ran.stderr).toMatchObject({ code: row.exit, stdout: '' })
    expect(ran.stderr).toContain(row.code)
    expect(ran.stderr.toLowerCase()).toContain(row.sentence.toLowerCase())
    return undefined
  }
  const detail = detailOf(ran)
  const ends = detail.jobs.map(({ end }) => end)
  const telling = ends.find((end) => end?.code !== undefined) ?? ends[0]
  const found = { result: detail.deployment.result, exit: ran.code, code: telling?.code ?? '-' }
  expect(found, `${JSON.stringify(ends, undefined, 2)}\n${ran.stderr}`).toEqual({ result: row.result, exit: row.exit, code: row.code })
  expect(telling?.sentence.toLowerCase()).toContain(row.sentence.toLowerCase())
  return detail
}
