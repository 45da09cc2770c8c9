import type { Job, JobRef } from '../model/deployment.ts'
import { TelpherError, toTelpherError } from '../model/errors.ts'
import type { SkewPolicy, ToolsUsed } from '../model/image.ts'
import type { StepPlan } from '../model/plan.ts'
import type { ClusterConnection, Judging } from '../model/ports.ts'
import type { Secret } from '../model/secret.ts'
import type { JobEnd } from '../model/states.ts'
import type { HelmStep } from '../model/step.ts'
import type { Target } from '../model/target.ts'
import type { Failure, ObjectProgress, Verdict } from '../model/verdict.ts'
import { type Awaited, createAwaited } from './awaited.ts'
import { imagesFor, mustBeAllowed, mustHaveHelm, openFirst, reopenFor, toolsOf, warningFor } from './container.ts'
import { endOfExit, endOfThrown, endOfVerdict } from './end.ts'
import { tarOf } from './files.ts'
import type { JobLife } from './helm-pending.ts'
import { recordFailure, releasePending } from './helm-repair.ts'
import { containerPlace, environmentIn, kubeconfigFile } from './kubeconfig.ts'
import { secretValuesOf } from './manifests/secret-values.ts'
import { unpack } from './package/unpack.ts'
import { planStep } from './plan.ts'
import { reach } from './reach.ts'
import type { StepExit, StepSession } from './session.ts'
import type { Stop } from './stop.ts'
import { createTimers } from './timers.ts'

/** The outside world of one attempt. */
export interface RunDeps {
  /** Gets it, sealed; what is given back opens it as soon as there is a credential. */
  readonly fetchPackage: (id: string) => Promise<() => Promise<Uint8Array>>
  /** Opens the secrets of the step, by value path; from then on they are hidden in everything that is said. */
  readonly secrets: () => Promise<ReadonlyMap<string, Secret>>
  /** Told the values of the Secrets in the package; from then on they are hidden in everything that is said. */
  readonly hideValues: (values: readonly string[]) => void
  /** Gets a credential for this attempt and connects with it. */
  readonly connect: () => Promise<ClusterConnection>
  /** Begins to take the credential back; never throws, and keeps nobody waiting. */
  readonly disconnect: () => void
  /** A container that is ready; it may be asked for before there is a connection, and used only after. */
  readonly open: (image: string, signal: AbortSignal) => Promise<StepSession>
  /** The server's version, as it was last heard and as it is heard now. */
  readonly version: { last(): string | undefined; heard(version: string | undefined): void }
  /** The image that this worker was told to use, instead of the one for the server's version. */
  readonly fixedImage?: string
  readonly skew: SkewPolicy
  readonly judge: (judging: Judging) => Promise<Verdict>
  /** Writes the job's next state; rejects when the attempt is no longer ours. */
  readonly enter: (phase: 'run' | 'verify', tools?: ToolsUsed) => Promise<void>
  /** A line of our own in the job's log. */
  readonly say: (text: string) => void
  /** The last lines that the program wrote to standard error, masked. */
  readonly lastErrors: () => Promise<string>
  readonly onProgress: (objects: readonly ObjectProgress[]) => void
  /** What is known of another job. */
  readonly lifeOf: (job: JobRef) => Promise<JobLife>
  readonly now: () => number
}

/** How an attempt ended, and what is shown about it. */
export interface RunResult {
  readonly end: JobEnd
  readonly failure?: Failure
  readonly objects?: readonly ObjectProgress[]
  readonly notes: readonly string[]
}

const runProgram = async (session: StepSession, plan: StepPlan, place = session.place ?? containerPlace): Promise<StepExit> =>
  session.run({
    argv: plan.argv,
    env: environmentIn(place, plan.env),
    cwd: place.folder,
    files: tarOf([...plan.files, kubeconfigFile({ port: session.port, nonce: session.nonce, namespace: plan.namespace })]),
  })

/** TERM first, so that helm can record its release; KILL when that was not heard, or when somebody will not wait for it. */
const endProgramOn = ({ signal, forced, graceMs }: Stop, session: StepSession): { [Symbol.dispose](): void } => {
  let timer: NodeJS.Timeout | undefined
  const kill = (): void => session.signal('SIGKILL')
  const stop = (): void => {
    session.signal('SIGTERM')
    timer = setTimeout(kill, graceMs)
  }
  if (forced.aborted) kill()
  else forced.addEventListener('abort', kill, { once: true })
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop, { once: true })
  return {
    [Symbol.dispose]() {
      forced.removeEventListener('abort', kill)
      signal.removeEventListener('abort', stop)
      clearTimeout(timer)
    },
  }
}

const isHelmJob = (job: Job): job is Job & { readonly step: HelmStep } => job.step.kind === 'helm'

interface Prepared {
  readonly plan: StepPlan
  readonly connection: ClusterConnection
  /** The server's version. */
  readonly server: string | undefined
}

/** What is to run, and that the API server can be asked for it. */
const prepare = async (job: Job, target: Target, deps: RunDeps, stop: Stop, awaiting: Awaited): Promise<Prepared> => {
  const unpacking = awaiting('its package', deps.fetchPackage(job.step.package))
    .then((open) => open())
    .then(unpack)
  const planning = Promise.all([unpacking, awaiting('its secrets', deps.secrets())]).then(([files, secrets]) => {
    deps.hideValues(secretValuesOf(files))
    return planStep({ step: job.step, target, files, origin: job, secrets })
  })
  const reaching = awaiting(`a credential for target ${target.name}`, deps.connect()).then(async (connection) => ({
    connection,
    server: await awaiting(`an answer of the API server ${target.server}`, reach(connection, target.server, stop.signal)),
  }))
  const [plan, { connection, server }] = await Promise.all([planning, reaching])
  deps.version.heard(server)
  if (isHelmJob(job)) {
    const releasing = releasePending({ ...deps, connection, job, namespace: plan.namespace, signal: stop.signal })
    await awaiting(`what is pending of the release ${job.step.release}`, releasing)
  }
  return { plan, connection, server }
}

/**
 * Runs one attempt of a job from its package to its verdict, and leaves no Helm release that looks good and is not.
 * @param stop cancellation by people, the deadline, or the loss of the claim
 * @returns how it ended; throws only what must not be recorded as an end (the claim was lost)
 */
export const runStep = async (job: Job, target: Target, deps: RunDeps, stop: Stop): Promise<RunResult> => {
  let recordRelease = async (_end: JobEnd): Promise<void> => {}
  try {
    const result = await runToEnd(job, target, deps, stop, ({ connection, plan: { namespace } }) => {
      if (isHelmJob(job)) recordRelease = (end) => recordFailure({ connection, job, namespace, say: deps.say }, end)
    })
    // Helm's container is gone by now; with another attempt at work its release is no longer ours, and without a credential out of reach.
    const ours = stop.reason() !== 'superseded' && stop.reason() !== 'revoked'
    if (result.end.status !== 'succeeded' && ours) await recordRelease(result.end)
    return result
  } finally {
    deps.disconnect()
  }
}

/** The pipeline as a table of contents. */
const runToEnd = async (
  job: Job,
  target: Target,
  deps: RunDeps,
  stop: Stop,
  onRunning: (prepared: Prepared) => void,
): Promise<RunResult> => {
  const since = deps.now()
  const timers = createTimers(job, stop.expire)
  const awaiting = createAwaited()
  let session: StepSession | undefined
  let phase = 'preparing'
  const doing = (): string => {
    const what = awaiting.longest()
    return what === undefined ? phase : `${phase}, waiting for ${what}`
  }
  const notes: string[] = []
  try {
    timers.begin('start')
    timers.begin('image')
    const open = (image: string): Promise<StepSession> => awaiting(`a container of image ${image}`, deps.open(image, stop.signal))
    // The container starts while the rest is prepared: that is most of the time before the program runs. The server's version is
    // asked for meanwhile, so the image is that for the version which was last heard.
    const [early, prepared] = await Promise.allSettled([
      openFirst(imagesFor(job.step, deps.fixedImage, deps.version.last()).images, open),
      prepare(job, target, deps, stop, awaiting),
    ])
    if (early.status === 'fulfilled') session = early.value.session
    if (prepared.status === 'rejected') throw prepared.reason
    const { plan, connection, server } = prepared.value
    const chosen = imagesFor(job.step, deps.fixedImage, server)
    mustBeAllowed(chosen.warning, deps.skew)
    const { image, session: opened } = await reopenFor(chosen, early, open)
    session = opened
    timers.end('image')
    const warning = warningFor(chosen, opened.image, server)
    mustBeAllowed(warning, deps.skew)
    mustHaveHelm(job.step, image, opened.image)
    if (warning !== undefined) {
      deps.say(`warning: ${warning}`)
      notes.push(warning)
    }

    phase = 'running'
    await deps.enter('run', toolsOf(image, opened.image, server))
    onRunning(prepared.value)
    // Whoever asked for an end while that was written gets it before anything is begun.
    stop.signal.throwIfAborted()
    timers.end('start')
    timers.begin('run')
    const exited = Promise.withResolvers<void>()
    const judgement = new AbortController()
    const verdict = deps.judge({
      connection,
      writes: session.writes,
      onWrite: session.onWrite,
      final: exited.promise,
      since,
      graces: { ...target.graces, ...job.step.graces },
      settleMs: (job.step.settleSeconds ?? target.settleSeconds) * 1000,
      deadlineAt: timers.until,
      signal: AbortSignal.any([stop.signal, judgement.signal]),
      onProgress: deps.onProgress,
    })
    verdict.catch(() => {})
    using _ending = endProgramOn(stop, session)
    const judgedEarly = plan.judgeWhileRunning ? endOnFailure(verdict, session) : { failed: false }
    const exit = await runProgram(session, plan)
    await session.settled()

    timers.end('run')
    if (stop.signal.aborted) return { end: stop.end(doing(), session.writes()), notes }
    if (exit.code !== 0 && !judgedEarly.failed) {
      judgement.abort()
      return {
        end: endOfExit({ step: job.step, exit, errors: await deps.lastErrors(), writes: session.writes(), refusals: session.refusals() }),
        notes,
      }
    }
    // From here on the verifier keeps the deadline: it can say what it waited for.
    timers.hand()
    timers.begin('verify')
    phase = 'verifying'
    await deps.enter('verify')
    exited.resolve()
    const judged = await verdict
    return {
      end: endOfVerdict(judged, timers.words()),
      ...(judged.failure === undefined ? {} : { failure: judged.failure }),
      objects: judged.objects,
      notes: [...notes, ...judged.notes],
    }
  } catch (thrown) {
    const error = toTelpherError(thrown)
    // A gate that was shut for want of a credential is an end of this attempt, and not for another's sake.
    if (error.code === 'gate_superseded' && stop.reason() !== 'revoked') throw error
    if (stop.signal.aborted) return { end: stop.end(doing(), session?.writes() ?? []), notes }
    return { end: endOfThrown(error, phase), notes }
  } finally {
    timers.stop()
    await session?.dispose()
  }
}

/** Ends the program as soon as the verdict is a failure; `failed` then tells that this was the reason. */
const endOnFailure = (verdict: Promise<Verdict>, session: StepSession): { readonly failed: boolean } => {
  const early = { failed: false }
  verdict.then(
    (judged) => {
      if (judged.outcome !== 'failed') return
      early.failed = true
      session.signal('SIGTERM')
    },
    () => {},
  )
  return early
}

/** Thrown by the composition root when another attempt took over: this one's end is of no interest any more. */
export const superseded = (): TelpherError => new TelpherError('gate_superseded', 'another attempt took over this job')
