import { setTimeout as sleep } from 'node:timers/promises'
import { sealAnswer } from '../../credentials/answer.ts'
import type { Signer } from '../../credentials/signer.ts'
import type { Vault } from '../../credentials/vault.ts'
import { toTelpherError } from '../../model/errors.ts'
import { carry, type GrantAnswer, type GrantRequest, readRequest } from '../../model/grantrequest.ts'
import { newId } from '../../model/ids.ts'
import { logOnce } from '../../model/log-once.ts'
import type { Given, Minting } from '../../model/ports.ts'
import { wayOf } from '../../model/target.ts'
import { isOutage, type Store, type TakenRequest, untilThrough } from '../../store/index.ts'
import type { PackageRoom } from '../packageroom.ts'
import { type Proven, prove, proveDeps, proveEnrolment, stillHeld } from './prove.ts'
import { openSecrets } from './secrets.ts'

export interface BrokerOptions {
  readonly store: Store
  readonly minting: Pick<Minting, 'grant' | 'renew' | 'end'>
  readonly vault: Pick<Vault, 'open'>
  readonly packages: Pick<PackageRoom, 'keyOf'>
  readonly signer: Signer
  readonly log: (line: object) => void
  readonly signal: AbortSignal
  /** Requests that are worked on at a time: most of them wait for an API server. */
  readonly atOnce?: number
  /** How long what only a newer server can answer is left to those, in ms; then the worker is told that there is none. */
  readonly leaveMs?: number
  readonly now?: () => number
}

/** Between two words about what is still worked on, in ms: well below the time after which another server takes it (store/broker.ts). */
const keepMs = 800

const goodbyeMs = 2000

const answerOf = (given: Given, now: number): Extract<GrantAnswer, { is: 'credential' | 'use-own' }> =>
  given === 'use-own' ? { is: 'use-own' } : { is: 'credential', credential: carry(given.credential, now), renewable: given.renewable }

/** What a proven request comes to. */
const serve = async (request: GrantRequest, proven: Proven, options: BrokerOptions, now: number): Promise<GrantAnswer> => {
  const { minting, store, vault, packages } = options
  const { envelope, target, job } = proven
  const attempt = { deploymentId: envelope.deploymentId, jobId: envelope.jobId, attempt: envelope.attempt }
  const lifetimeMs = request.lifetimeMs ?? 0
  switch (request.kind) {
    case 'grant': {
      const [given, packageKey] = await Promise.all([
        minting.grant(target, attempt, lifetimeMs),
        job === undefined ? undefined : packages.keyOf(job.step.package),
      ])
      return { ...answerOf(given, now), way: wayOf(target), ...(packageKey === undefined ? {} : { packageKey }) }
    }
    case 'renew':
      return answerOf(await minting.renew(target, attempt, lifetimeMs), now)
    case 'end':
      await minting.end(target, attempt)
      return { is: 'done' }
    case 'secrets': {
      const values = job === undefined ? new Map() : await openSecrets(job, store, vault)
      return { is: 'secrets', values: Object.fromEntries([...values].map(([path, secret]) => [path, secret.reveal()])) }
    }
    case 'hello':
      return { is: 'done' }
  }
}

/**
 * Starts the broker: it gives workers credentials and secrets for attempts that they hold, sealed to the one that asked. Several servers
 * may run it: each request is taken by one of them, and by another when that one dies.
 * @returns settles when it has ended after the signal, and what was begun was answered
 */
export const startBroker = (options: BrokerOptions): { readonly stopped: Promise<void> } => {
  const { store, signer, minting, log, signal, atOnce = 256, leaveMs = 15_000, now = Date.now } = options
  const server = newId('srv')
  const deps = proveDeps(store, signer.publicKey, now)
  const working = new Map<string, Promise<void>>()

  const decide = async (taken: TakenRequest, request: GrantRequest): Promise<GrantAnswer> => {
    if (request.kind === 'hello') {
      await proveEnrolment(taken, request, deps)
      return { is: 'done' }
    }
    const proven = await prove(taken, request, deps)
    const answer = await serve(request, proven, options, now())
    if (answer.is !== 'credential') return answer
    await stillHeld(taken, request, proven, deps).catch(async (thrown: unknown) => {
      // It was fenced or ended while this was minted: nobody gets it, and nobody else would end it before the sweep.
      if (toTelpherError(thrown).code === 'grant_refused') await minting.end(proven.target, proven.envelope)
      throw thrown
    })
    return answer
  }
  const refusal = (taken: TakenRequest, request: GrantRequest, thrown: unknown): GrantAnswer => {
    const { code, message, field } = toTelpherError(thrown)
    log({
      level: 'warn',
      msg: 'a worker was given nothing',
      kind: request.kind,
      pool: taken.pool,
      worker: taken.worker,
      code,
      error: message,
    })
    return { is: 'refused', code, message, field }
  }
  /** By the clock of Redis, which gave the entry its name. */
  const isYoung = async ({ entry }: TakenRequest): Promise<boolean> =>
    (await untilThrough(() => store.workers.now(), { signal })) - Number.parseInt(entry, 10) < leaveMs
  const leave = (taken: TakenRequest): Promise<void> => store.broker.leave(server, taken.entry)

  const handle = async (taken: TakenRequest): Promise<void> => {
    const request = readRequest(taken)
    if (request === 'newer') return (await isYoung(taken)) ? leave(taken) : store.broker.drop(taken)
    if (request === undefined || request.worker !== taken.worker || request.pool !== taken.pool) {
      log({
        level: 'warn',
        msg: 'a request to the broker cannot be read',
        pool: taken.pool.slice(0, 64),
        worker: taken.worker.slice(0, 64),
      })
      return store.broker.drop(taken)
    }
    const answer = await untilThrough(() => decide(taken, request), { signal }).catch(async (thrown: unknown) => {
      // Left where it lies, for when Redis answers again, or for another server.
      if (isOutage(thrown)) throw thrown
      if (toTelpherError(thrown).code === 'server_outdated' && (await isYoung(taken))) return 'left'
      const said = refusal(taken, request, thrown)
      // A connection that broke under it put it there twice: the other one is answered, and who replays it is told nothing.
      return toTelpherError(thrown).code === 'request_repeated' ? undefined : said
    })
    if (answer === 'left') return leave(taken)
    const signed = answer === undefined ? undefined : sealAnswer(answer, taken.body, request.sealTo, signer.privateKey)
    // Nobody has the other half of what is no key.
    if (signed === undefined) return store.broker.drop(taken)
    await untilThrough(() => store.broker.answer(taken, { requestId: request.id, ...signed }), { signal })
  }
  const begin = (taken: TakenRequest): void => {
    // It is still in hand: this server was slow to say so.
    if (working.has(taken.entry)) return
    const work = handle(taken)
      .catch((error: unknown) =>
        log({ level: 'warn', msg: 'a request to the broker is left for later', error: toTelpherError(error).message }),
      )
      .finally(() => working.delete(taken.entry))
    working.set(taken.entry, work)
  }
  const saidKeep = logOnce(log, 'the broker cannot say what it works on')
  const keeping = setInterval(() => {
    store.broker.keep(server, [...working.keys()]).then(saidKeep.well, saidKeep.failed)
  }, keepMs)

  const run = async (): Promise<void> => {
    for await (const taken of store.broker.requests(server, signal)) {
      taken.forEach(begin)
      while (working.size >= atOnce && !signal.aborted) await Promise.race([...working.values(), sleep(keepMs)])
    }
    // What takes longer another server does.
    await Promise.race([Promise.all(working.values()), sleep(goodbyeMs)])
    clearInterval(keeping)
  }
  return { stopped: run() }
}
