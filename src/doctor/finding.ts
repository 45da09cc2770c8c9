import type { CheckStatus, DoctorCheck, DoctorReport } from '../model/doctor.ts'
import { type CheckId, checkIds, checkRow } from './table.ts'

/** What a family of checks makes of the facts; why it matters is the table's to say. */
export interface Finding {
  readonly id: CheckId
  readonly subject?: string
  readonly status: CheckStatus
  readonly seen: string
  readonly fix?: string
}

/** Facts, or why there are none, and how long the looking took in ms. */
export type Looked<Facts> = { readonly ms: number } & (
  | { readonly facts: Facts; readonly trouble?: undefined }
  | { readonly facts?: undefined; readonly trouble: string }
)

export const ok = (id: CheckId, seen: string): Finding => ({ id, status: 'ok', seen })
export const warn = (id: CheckId, seen: string, fix: string): Finding => ({ id, status: 'warn', seen, fix })
export const fail = (id: CheckId, seen: string, fix: string): Finding => ({ id, status: 'fail', seen, fix })
export const skip = (id: CheckId, seen: string): Finding => ({ id, status: 'skip', seen })

const within = async <T>(work: (signal: AbortSignal) => Promise<T>, limitMs: number): Promise<T> => {
  const late = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(new Error(`no answer within ${limitMs / 1000} s`))
    late.abort()
  }, limitMs)
  try {
    return await Promise.race([work(late.signal), promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Collects facts within a time; never rejects.
 * @param work is told by the signal when its time is over, and is not waited for then
 * @param limitMs milliseconds
 */
export const look = async <Facts>(work: (signal: AbortSignal) => Promise<Facts>, limitMs = 10_000): Promise<Looked<Facts>> => {
  const began = performance.now()
  const took = (): number => Math.round(performance.now() - began)
  try {
    const facts = await within(work, limitMs)
    return { facts, ms: took() }
  } catch (thrown) {
    return { trouble: thrown instanceof Error ? thrown.message : String(thrown), ms: took() }
  }
}

/** Findings as lines of the report. @param ms how long the looking took */
export const checksOf = (ms: number, findings: readonly Finding[]): DoctorCheck[] =>
  findings.map(({ id, subject, status, seen, fix }) => ({
    id,
    ...(subject === undefined ? {} : { subject }),
    status,
    seen,
    why: checkRow(id).why,
    ...(fix === undefined ? {} : { fix }),
    ms,
  }))

/** The checks in the order of the table, with how many of each kind there are. */
export const reportOf = (checks: readonly DoctorCheck[]): DoctorReport => {
  const place = (id: string): number => checkIds.indexOf(id as CheckId)
  const count = (status: CheckStatus): number => checks.filter((check) => check.status === status).length
  return {
    checks: checks.toSorted((a, b) => place(a.id) - place(b.id)),
    summary: { ok: count('ok'), warn: count('warn'), fail: count('fail'), skip: count('skip') },
  }
}
