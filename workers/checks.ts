import { runLadder } from '../src/cluster/preflight.ts'
import { lifetimeOf } from '../src/credentials/modes/lifetime.ts'
import type { CheckLine, CheckReport } from '../src/model/check.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { newId } from '../src/model/ids.ts'
import type { Target } from '../src/model/target.ts'
import { untilThrough } from '../src/store/index.ts'
import type { WorkerDeps } from './attempt.ts'
import { mustBeForTrials } from './executor.ts'
import { checkImage } from './image-check.ts'

/** What keeps this worker from taking a deployment, whatever the target's API server says. */
const ownLine = (subject: string, thrown: unknown): CheckLine => {
  const { message, code, hint } = toTelpherError(thrown)
  return { rung: 'worker', subject, status: 'failed', ms: 0, message, code, fix: hint }
}

/** With the rung about the execution image, where the server said its version and the executor can look. */
const withImage = async (report: CheckReport, { fixedImage, findImage, store }: WorkerDeps): Promise<CheckReport> => {
  if (findImage === undefined || report.serverVersion === undefined) return report
  const pins = await untilThrough(() => store.images.pins())
  const line = await checkImage({ server: report.serverVersion, fixed: fixedImage(), pins, find: findImage })
  return { ...report, ok: report.ok && line.status === 'ok', lines: [...report.lines, line] }
}

const climb = async (target: Target, deps: WorkerDeps): Promise<CheckReport> => {
  const { executor, workerName: worker } = deps.config
  const refused = (subject: string, thrown: unknown): CheckReport => ({
    target: target.name,
    ok: false,
    at: Date.now(),
    worker,
    lines: [ownLine(subject, thrown)],
  })
  try {
    mustBeForTrials(executor, target)
  } catch (thrown) {
    return refused('executor', thrown)
  }
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
  return await deps.grants.grant(target, attempt, lifetimeOf(0)).then(
    async (grant) => {
      const report = await runLadder({ target, credential: grant.credential, worker, fixedImage: deps.fixedImage() })
      await grant.end().catch((err: unknown) => deps.log.warn({ err, target: target.name }, 'the credential of a check is not revoked yet'))
      return withImage(report, deps)
    },
    (thrown: unknown) => refused('credential', thrown),
  )
}

/** Runs the ladder of checks against a target, from where its deployments would run, and keeps the report for who asked. */
export const runCheck = async ({ checkId, target: name }: { checkId: string; target: string }, deps: WorkerDeps): Promise<void> => {
  const target = await untilThrough(() => deps.store.targets.get(name))
  const report = await climb(target, deps)
  await untilThrough(() => deps.store.checks.put(checkId, report))
}
