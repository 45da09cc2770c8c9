import { runLadder } from '../src/cluster/preflight.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { newId } from '../src/model/ids.ts'
import { untilThrough } from '../src/store/index.ts'
import type { WorkerDeps } from './attempt.ts'

/** Runs the ladder of checks against a target, from where its deployments would run, and keeps the report for who asked. */
export const runCheck = async ({ checkId, target: name }: { checkId: string; target: string }, deps: WorkerDeps): Promise<void> => {
  const target = await untilThrough(() => deps.store.targets.get(name))
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
  const report = await deps.grants.grant(target, attempt).then(
    (credential) => runLadder({ target, credential, worker: deps.config.workerName, fixedImage: deps.config.image }),
    (thrown: unknown) => {
      const error = toTelpherError(thrown)
      return {
        target: name,
        ok: false,
        at: Date.now(),
        worker: deps.config.workerName,
        lines: [
          {
            rung: 'worker' as const,
            subject: 'credential',
            status: 'failed' as const,
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
