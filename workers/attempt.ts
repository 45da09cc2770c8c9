import type { AddressCheck } from '../src/cluster/addresses.ts'
import type { Config } from '../src/config.ts'
import { createHide } from '../src/credentials/hide.ts'
import { lifetimeOf } from '../src/credentials/modes/lifetime.ts'
import { type AttemptRequests, brokerGrants, brokerSecrets } from '../src/credentials/request.ts'
import type { DiscoveryCache } from '../src/gate/index.ts'
import { createClaim, recordingConnection } from '../src/gate/index.ts'
import type { Log } from '../src/log.ts'
import { phaseLimit } from '../src/model/deadlines.ts'
import type { JobRef } from '../src/model/deployment.ts'
import { type JobEnvelope, mustBeSigned } from '../src/model/envelope.ts'
import { TelpherError } from '../src/model/errors.ts'
import { type ImagePins, mustHavePin, type ToolsUsed } from '../src/model/image.ts'
import type { Cluster, ContainerSpec, Executor } from '../src/model/ports.ts'
import { rerunnable } from '../src/model/step.ts'
import { isRenewable, type Target } from '../src/model/target.ts'
import { claimMs } from '../src/model/worker.ts'
import { type RunDeps, runStep, superseded } from '../src/steps/run.ts'
import { createStop } from '../src/steps/stop.ts'
import { type Store, untilThrough } from '../src/store/index.ts'
import type { Registry } from '../src/telemetry/registry.ts'
import { type Access, openAccess } from './access.ts'
import { enter, finish, lifeOf, take } from './attempt-state.ts'
import { mustBeForTrials, mustSuitMachine } from './executor.ts'
import type { Heartbeat, Held } from './heartbeat.ts'
import { createHidden, tooMuchToHide } from './hidden.ts'
import type { Logs } from './logs/logs.ts'
import { underClaim } from './own-requests.ts'
import { unsealed } from './package.ts'
import { progressOf } from './progress.ts'
import { hiddenOf, needsSecrets, notHidden, type StepSecrets } from './secrets.ts'
import { openSession } from './session.ts'
import { type AttemptFacts, createStory, wideEvent } from './story.ts'
import { untilAborted } from './until-aborted.ts'
import type { WarmPool } from './warm.ts'

/** The outside world of a worker, made once by its composition root. */
export interface WorkerDeps {
  readonly id: string
  /** Tells our containers from those of others on the same engine. */
  readonly installation: string
  readonly config: Config
  readonly log: Log
  readonly logs: Logs
  readonly store: Store
  readonly containers: Pick<WarmPool, 'take'>
  /** Looks for an execution image; absent where the executor cannot. */
  readonly findImage?: Executor['image']
  /** Removes what dead workers left on this engine. */
  readonly sweep: () => Promise<void>
  readonly cluster: Cluster
  /** Which addresses targets may have. */
  readonly addresses: AddressCheck
  /** Execution image of steps that name none, where it is not chosen by the version of the target's API server. */
  readonly fixedImage: () => string | undefined
  readonly heartbeat: Heartbeat
  readonly discovery: (target: Target) => DiscoveryCache
  /** What is remembered of an API server's version, by its address. */
  readonly version: (server: string) => RunDeps['version']
  readonly judge: RunDeps['judge']
  /** What this worker counts. */
  readonly registry: Registry
  /** Told each attempt when it is over. */
  readonly onAttempt: (facts: AttemptFacts) => void
}

/** Time between TERM and KILL, in ms: what helm needs to record its release. */
const graceMs = 30_000
const mebibyte = 1024 * 1024

/** What an execution container of this worker is, for jobs of any deployment. */
export const containerSpec = (
  image: string,
  pins: ImagePins,
  { config, installation, id }: Pick<WorkerDeps, 'config' | 'installation' | 'id'>,
): ContainerSpec => ({
  image,
  ...(pins[image] === undefined ? {} : { imageIds: pins[image] }),
  labels: {
    'telpher.installation': installation,
    'telpher.pool': config.pool,
    'telpher.worker': id,
    'telpher.worker-name': config.workerName,
  },
  memoryBytes: config.memoryMb * mebibyte,
  cpus: config.cpus,
  pids: 128,
  scratchBytes: 256 * mebibyte,
})

/**
 * Runs one attempt from the queue item to the recorded end.
 * It never rejects for what a deployment does; an attempt that was taken over ends silently, its successor's result counts.
 * @param envelope what a server signed of the item
 * @param requests asks the brokers for this attempt
 */
export const runAttempt = async (envelope: JobEnvelope, requests: AttemptRequests, deps: WorkerDeps): Promise<void> => {
  const { store } = deps
  await deps.heartbeat.heard()
  const claimedAt = performance.now()
  const job = await take(envelope, store, deps.id)
  if (job === undefined)
    return deps.log.info({ job: envelope.jobId, attempt: envelope.attempt }, 'a queue item is of an attempt that began before')
  const log = deps.log.child({ deployment: job.deploymentId, job: job.jobId, attempt: job.attempt })
  const ref: JobRef = { deploymentId: job.deploymentId, jobId: job.jobId }
  const claim = createClaim({ claimMs })
  claim.renewed(claimedAt)
  const mark = `telpher/${job.jobId}/${job.attempt}`
  const stop = createStop(graceMs)
  const events = store.events(job.deploymentId)
  const lines = deps.logs.open(store.logs(ref))
  const story = createStory(job, deps.registry)
  const hidden = createHidden(lines.hide, () => lines.say(tooMuchToHide))
  const hide = createHide(hidden.strict, hidden.inTexts)
  const say = (text: string): void => lines.say(hide.text(text))
  let openWrites = (): number => 0
  const held: Held = {
    ...ref,
    attempt: job.attempt,
    since: Date.now(),
    openWrites: () => openWrites(),
    renewed: (sentAt) => claim.renewed(sentAt),
    superseded() {
      claim.supersede()
      stop.ask('superseded')
    },
    cancel: (force) => stop.ask('cancelled', force),
    handBack() {
      if (rerunnable[job.step.kind]) stop.ask('shutdown')
    },
  }
  const tell = (facts: AttemptFacts, sentence: string): void => {
    log.info(wideEvent(facts), sentence)
    deps.onAttempt(facts)
  }
  deps.heartbeat.hold(held)
  let accessing: Promise<Access> | undefined
  let access: Access | undefined
  let leaving: Promise<void> | undefined
  /** The program runs only after there is a connection. */
  const connected = (): Access => {
    if (access === undefined) throw new TelpherError('internal', 'a request came before there was a connection')
    return access
  }
  try {
    const target = await untilThrough(() => store.targets.get(envelope.target))
    const grants = brokerGrants({ requests, cluster: deps.cluster })
    const packageKey = Promise.withResolvers<string | undefined>()
    const connect = (): Promise<Access> =>
      openAccess({
        grants: {
          async grant(...asked) {
            const granted = await untilThrough(() => grants.grant(...asked))
            packageKey.resolve(granted.packageKey)
            return granted
          },
        },
        cluster: deps.cluster,
        target,
        attempt: { ...ref, attempt: job.attempt },
        lifetimeMs: lifetimeOf(job.step.deadlineSeconds),
        recording: (connection) =>
          recordingConnection(
            connection,
            { who: `worker:${deps.config.workerName}`, target: job.target, ...ref, attempt: job.attempt },
            (call) => store.audit.append(hide.deep(call)),
          ),
        onSecret: hidden.token,
        onRevoked() {
          stop.ask('revoked')
          claim.supersede()
        },
        log,
      })
    const fixedImage = deps.config.executor === 'process' ? deps.config.image : (envelope.image ?? deps.config.image)
    const shown = await runStep(
      job,
      target,
      {
        fetchPackage: async (id) => {
          const sealed = await untilThrough(() => store.packages.get(id))
          return async () => unsealed(sealed, await packageKey.promise, store)
        },
        async secrets() {
          const opened: StepSecrets = needsSecrets(job.step) ? await untilThrough(() => brokerSecrets(requests)) : new Map()
          hidden.ofStep(hiddenOf(opened))
          for (const text of notHidden(opened)) say(text)
          return opened
        },
        hideValues: hidden.values,
        async connect() {
          mustBeSigned(job, envelope)
          mustBeForTrials(deps.config.executor, target)
          mustSuitMachine(deps.config.executor, job.step)
          accessing = connect()
          access = await untilAborted(accessing, stop.signal)
          return underClaim(access.connection, claim, mark)
        },
        disconnect() {
          leaving = accessing?.then((opened) => opened.end()).catch(() => {})
        },
        version: deps.version(target.server),
        ...(fixedImage === undefined ? {} : { fixedImage }),
        skew: deps.config.versionSkew,
        async open(image, signal) {
          if (deps.config.executor === 'docker') mustHavePin(image, envelope.pins, deps.config.unpinnedImages)
          // What a killed worker left on this engine still runs until its tether's silence ends it.
          if (job.attempt > 1) await untilThrough(deps.sweep)
          const container = await deps.containers.take(containerSpec(image, envelope.pins, deps), signal)
          const session = openSession({
            container,
            cleanup: {
              limitMs: (phaseLimit(job.step, 'cleanup') ?? 0) * 1000,
              onLate: () => say('its container was not gone in time: the next sweep of this worker removes it'),
            },
            onOutput(stream, chunk) {
              story.output(chunk.length)
              return lines.output(stream, chunk)
            },
            gate: {
              policy: target.policy,
              home: target.account.deployer?.split('/')[0],
              claim,
              connection: () => connected().current(),
              ...(isRenewable(target.account.mode) ? { renew: async () => connected().renew?.() } : {}),
              ledger: {
                async append(entries) {
                  await untilThrough(() => store.ledger(ref).append(hide.deep(entries)))
                  story.wrote(entries.length)
                },
              },
              onAnswer: story.answered,
              onSecretValues: hidden.values,
              onRefusal: ({ code }) => story.refused(code),
              attempt: job.attempt,
              mark,
              discovery: deps.discovery(target),
              strictFields: job.step.kind === 'apply',
              signal: stop.signal,
            },
          })
          openWrites = () => session.openWrites()
          return session
        },
        judge: deps.judge,
        enter(phase, tools?: ToolsUsed) {
          story.phase(phase)
          if (tools !== undefined) story.ran(tools)
          return enter(job, { type: phase, attempt: job.attempt }, store, tools === undefined ? undefined : { tools })
        },
        say,
        lastErrors: lines.lastErrors,
        onProgress: (objects) => events.emit({ type: 'progress', at: Date.now(), jobId: job.jobId, ...hide.deep(progressOf(objects)) }),
        lifeOf: (other) => lifeOf(other, store),
        now: Date.now,
      },
      stop,
    )
    // What it came to says nothing: whoever took over does.
    if (stop.reason() === 'superseded') throw superseded()
    const result = hide.deep(shown)
    lines.ended()
    story.phase('finish')
    const outcome = await finish(job, result, store, { lines, events, left: leaving })
    tell(story.told(outcome, result.end), result.end.sentence)
  } catch (thrown) {
    const isTaken = thrown instanceof TelpherError && thrown.code === 'gate_superseded'
    tell(story.told(isTaken ? 'superseded' : 'broken'), isTaken ? 'another attempt took over this job' : 'this attempt broke off')
    if (!isTaken) throw hide.error(thrown)
  } finally {
    await leaving
    lines.close()
    deps.heartbeat.release(held)
    claim.supersede()
  }
}
