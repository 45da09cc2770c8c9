import type { Client } from '../../client/http.ts'
import { judgeClock } from '../../doctor/clock.ts'
import { checksOf } from '../../doctor/finding.ts'
import { judgeServer, judgeVersions } from '../../doctor/server.ts'
import { ladderChecks } from '../../doctor/targets.ts'
import type { DoctorCheck } from '../../model/doctor.ts'
import { TelpherError } from '../../model/errors.ts'
import { version } from '../../version.ts'
import { runLadderOf } from '../ladder.ts'

/** What the server sees, and how it looks from here. @throws TelpherError server_unreachable, unauthorized */
export const checkServer = async (client: Client): Promise<DoctorCheck[]> => {
  const pinged = performance.now()
  await client.alive()
  const ms = Math.round(performance.now() - pinged)
  const asked = Date.now()
  const report = await client.doctor()
  const span = Date.now() - asked
  const here = [
    judgeServer(client.url, ms),
    judgeVersions(version, report.version),
    // Its clock was read somewhere within the question.
    judgeClock('this machine', asked + span / 2 - report.now, 'the server', span),
  ]
  return [...checksOf(ms, here), ...report.checks]
}

/** The ladder of a target, run by a worker of its pool. @param patienceMs how long a worker is waited for */
export const checkTarget = async (client: Client, name: string, patienceMs: number): Promise<DoctorCheck[]> => {
  const began = performance.now()
  const instead = (seen: string, fix: string): DoctorCheck[] =>
    checksOf(Math.round(performance.now() - began), [{ id: 'target-worker', subject: name, status: 'fail', seen, fix }])
  try {
    const { pool } = await client.target(name)
    const { report, why } = await runLadderOf(client, name, patienceMs)
    if (report !== undefined) return ladderChecks(report)
    return instead(`no worker has checked it within ${patienceMs / 1000} s: ${why}`, `TELPHER_POOL=${pool} telpher worker start`)
  } catch (thrown) {
    // What keeps the server from asking a worker is a finding; who asked for what is not there, or may not ask, is told so.
    if (!(thrown instanceof TelpherError) || thrown.fault === 'user' || thrown.code === 'server_unreachable') throw thrown
    return instead(thrown.message, thrown.hint)
  }
}
