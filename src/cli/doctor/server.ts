import { judgeClock } from '../../doctor/clock.ts'
import { checksOf } from '../../doctor/finding.ts'
import { judgeServer, judgeVersions } from '../../doctor/server.ts'
import { ladderChecks, noLadder } from '../../doctor/targets.ts'
import type { DoctorCheck } from '../../model/doctor.ts'
import { version } from '../../version.ts'
import type { Client } from '../client.ts'
import { runLadderOf } from '../ladder.ts'

/** What the server sees, and how it looks from here. @throws TelpherError server_unreachable, unauthorized */
export const checkServer = async (client: Client): Promise<DoctorCheck[]> => {
  const pinged = performance.now()
  await client.workers()
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
  const { pool } = await client.target(name)
  const began = performance.now()
  const { report, why } = await runLadderOf(client, name, patienceMs)
  if (report !== undefined) return ladderChecks(report)
  const seen = `no worker has checked it within ${patienceMs / 1000} s: ${why}`
  return checksOf(Math.round(performance.now() - began), [noLadder(name, pool, seen)])
}
