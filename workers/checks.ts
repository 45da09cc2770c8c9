import { runLadder } from '../src/cluster/preflight.ts'
import type { CheckReport } from '../src/model/check.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { newId } from '../src/model/ids.ts'
import { untilThrough } from '../src/store/index.ts'
import type { WorkerDeps } from './attempt.ts'
import { checkImage } from './image-check.ts'

/** With the rung about the execution image, where the server said its version and the executor can look. */
const withImage = async (report: CheckReport, { config, findImage, store }: WorkerDeps): Promise<CheckReport> => {
  if (findImage === undefined || report.serverVersion === undefined) return report
  const pins = await untilThrough(() => store.images.pins())
  const line = await checkImage({ server: report.serverVersion, fixed: config.image, pins, find: findImage })
  return { ...report, ok: report.ok && line.status === 'ok', lines: [...report.lines, line] }
}

/** Runs the ladder of checks against a target, from where its deployments would run, and keeps the report for who asked. */
export const runCheck = async ({ checkId, target: name }: { checkId: string; target: string }, deps: WorkerDeps): Promise<void> => {
  const target = await untilThrough(() => deps.store.targets.get(name))
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
  const report = await deps.grants.grant(target, attempt).then(
    async (credential) =>
      withImage(await runLadder({ target, credential, worker: deps.config.workerName, fixedImage: deps.config.image }), deps),
    (thrown: unknown): CheckReport => {
      const error = toTelpherError(thrown)
      return {
        target: name,
        ok: false,
        at: Date.now(),
        worker: deps.config.workerName,
        lines: [
          {
            rung: 'worker',
            subject: 'credential',
            status: 'failed',
            ms: 0,
            message: error.message,
            code: error.code,
            fix: error.hint,
          },
        ],
      }
    },
  )
  await untilThrough(() => deps.store.checks.put(checkId, report))
}
