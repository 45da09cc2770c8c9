import { runLadder } from '../src/cluster/preflight.ts'
import { lifetimeOf } from '../src/credentials/modes/lifetime.ts'
import { type AttemptRequests, brokerGrants } from '../src/credentials/request.ts'
import { recordingConnection } from '../src/gate/index.ts'
import type { CheckLine, CheckReport } from '../src/model/check.ts'
import type { CheckEnvelope } from '../src/model/envelope.ts'
import { toTelpherError } from '../src/model/errors.ts'
import { withCommand } from '../src/model/mend.ts'
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
const withImage = async (report: CheckReport, { config, fixedImage, findImage, store }: WorkerDeps): Promise<CheckReport> => {
  if (findImage === undefined || report.serverVersion === undefined) return report
  const pins = await untilThrough(() => store.images.pins())
  const line = await checkImage({
    server: report.serverVersion,
    fixed: fixedImage(),
    pins,
    unpinned: config.unpinnedImages,
    find: findImage,
  })
  return { ...report, ok: report.ok && line.status === 'ok', lines: [...report.lines, line] }
}

const climb = async (target: Target, envelope: CheckEnvelope, requests: AttemptRequests, deps: WorkerDeps): Promise<CheckReport> => {
  const { executor, workerName: worker } = deps.config
  const refused = (subject: string, thrown: unknown): CheckReport => ({
    target: target.name,
    ok: false,
    at: Date.now(),
    worker,
    lines: [withCommand(ownLine(subject, thrown), target)],
  })
  try {
    mustBeForTrials(executor, target)
  } catch (thrown) {
    return refused('executor', thrown)
  }
  const { deploymentId, jobId, attempt } = envelope
  return await brokerGrants({ requests, cluster: deps.cluster })
    .grant(target, envelope, lifetimeOf(0))
    .then(
      async (grant) => {
        const report = await runLadder({
          target,
          credential: grant.credential,
          worker,
          fixedImage: deps.fixedImage(),
          addresses: deps.addresses,
          recording: (connection) =>
            recordingConnection(connection, { who: `worker:${worker}`, target: target.name, deploymentId, jobId, attempt }, (call) =>
              deps.store.audit.append(call),
            ),
        })
        await grant
          .end()
          .catch((err: unknown) => deps.log.warn({ err, target: target.name }, 'the credential of a check is not revoked yet'))
        return withImage(report, deps)
      },
      (thrown: unknown) => refused('credential', thrown),
    )
}

/**
 * Runs the ladder of checks against a target, from where its deployments would run, and keeps the report for who asked.
 * @param envelope what a server signed of the item
 * @param requests asks the brokers for this check
 */
export const runCheck = async (envelope: CheckEnvelope, requests: AttemptRequests, deps: WorkerDeps): Promise<void> => {
  const { store, id } = deps
  const { checkId } = envelope
  if (!(await untilThrough(() => store.checks.claim(checkId, id)))) return
  const target = await untilThrough(() => store.targets.get(envelope.target))
  const report = await climb(target, envelope, requests, deps)
  await untilThrough(() => store.checks.put(checkId, report))
}
