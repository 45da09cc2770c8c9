import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import type { CheckReport } from '../model/check.ts'

/** @returns the report of a check that was started; undefined when there is none in time */
const reportOf = async (client: Client, name: string, id: string, patienceMs: number): Promise<CheckReport | undefined> => {
  for (const end = performance.now() + patienceMs; ; await pause(100)) {
    const report = await client.check(name, id)
    if (report !== undefined || performance.now() > end) return report
  }
}

/**
 * Has a worker of the target's pool run the ladder of checks.
 * @param patienceMs how long it is waited for
 * @param onWait told at once why nobody will answer soon
 * @returns the report, or why there is none
 */
export const runLadderOf = async (
  client: Client,
  name: string,
  patienceMs: number,
  onWait: (why: string) => void = () => {},
): Promise<{ readonly report?: CheckReport; readonly why: string }> => {
  const { id, waitsFor } = await client.startCheck(name)
  if (waitsFor !== undefined) onWait(waitsFor)
  const report = await reportOf(client, name, id, patienceMs)
  const why = waitsFor ?? 'its workers are busy or cannot reach Redis'
  return report === undefined ? { why } : { report, why }
}

/** The same where a worker is there to do it; who has none is not kept waiting. */
export const runLadderNow = async (
  client: Client,
  name: string,
  patienceMs: number,
): Promise<{ readonly report?: CheckReport; readonly why: string }> => {
  const { id, waitsFor } = await client.startCheck(name)
  if (waitsFor !== undefined) return { why: waitsFor }
  const report = await reportOf(client, name, id, patienceMs)
  return report === undefined ? { why: 'its workers are busy or cannot reach Redis' } : { report, why: '' }
}
