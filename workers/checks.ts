import { runLadder } from '../src/cluster/preflight.ts'
import type { CheckLine, CheckReport } from '../src/model/check.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { newId } from '../src/model/ids.ts'
import type { Target } from '../src/model/target.ts'
import { untilThrough } from '../src/store/index.ts'
import type { WorkerDeps } from './attempt.ts'
import { mustBeForTrials } from './executor.ts'

/** What keeps this worker from taking a deployment, whatever the target's API server says. */
const ownLine = (subject: string, thrown: unknown): CheckLine => {
  const { message, code, hint } = toTelpherError(thrown)
  return { rung: 'worker', subject, status: 'failed', ms: 0, message, code, fix: hint }
}

const climb = async (target: Target, deps: WorkerDeps): Promise<CheckReport> => {
  const worker = deps.config.workerName
  const refused = (subject: string, thrown: unknown): CheckReport => ({
    target: target.name,
    ok: false,
    at: Date.now(),
    worker,
    lines: [ownLine(subject, thrown)],
  })
  try {
    mustBeForTrials(deps.config.executor, target)
  } catch (thrown) {
    return refused('executor', thrown)
  }
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
  return await deps.grants.grant(target, attempt).then(
    (credential) => runLadder({ target, credential, worker, kubectlMinor: 34 }),
    (thrown: unknown) => refused('credential', thrown),
  )
}

/** Runs the ladder of checks against a target, from where its deployments would run, and keeps the report for who asked. */
export const runCheck = async ({ checkId, target: name }: { checkId: string; target: string }, deps: WorkerDeps): Promise<void> => {
  const target = await untilThrough(() => deps.store.targets.get(name))
  const report = await climb(target, deps)
  await untilThrough(() => deps.store.checks.put(checkId, report))
}
