import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import type { CheckReport } from '../model/check.ts'

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
  const why = waitsFor ?? 'its workers are busy or cannot reach Redis'
  for (const end = performance.now() + patienceMs; ; await pause(100)) {
    const report = await client.check(name, id)
    if (report !== undefined) return { report, why }
    if (performance.now() > end) return { why }
  }
}
