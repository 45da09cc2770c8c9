import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { toTelpherError } from '../model/errors.ts'
import { logOnce } from '../model/log-once.ts'
import { type Answer, mustBeAllowed, openSubmission } from '../model/producer.ts'
import type { Run } from '../scheduler/again.ts'
import type { Store } from '../store/index.ts'
import type { Submitted } from '../store/types.ts'
import { planOf } from './deployments.ts'
import type { PackageRoom } from './packageroom.ts'
import { startOnce } from './started.ts'
import { mustKnowSecrets } from './step-secrets.ts'

interface InboxDeps {
  readonly store: Store
  readonly packages: PackageRoom
  readonly log: (line: object) => void
}

const start = async (submitted: Submitted, { store, packages }: InboxDeps): Promise<Answer> => {
  const producer = await store.producers.get(submitted.producer)
  const { id, request } = openSubmission(submitted, producer, Date.now())
  const body = await startOnce(`producer ${producer.name} ${id}`, submitted.body, { store }, async () => {
    await mustKnowSecrets(request, store)
    const { deployment, jobs } = await planOf(request, { store, packages }, (targets) => mustBeAllowed(producer, targets))
    return { deployment: { ...deployment, producer: producer.name }, jobs }
  })
  const { id: deploymentId } = (JSON.parse(body) as Run).deployment
  await store.audit.append({
    type: 'deployment',
    action: 'start',
    name: deploymentId,
    deploymentId,
    at: Date.now(),
    who: `producer:${producer.name}`,
    outcome: 'done',
  })
  return { deployment: deploymentId }
}

/** What is wrong, for the producer; undefined for what another try may mend: the submission stays for it. */
const answerTo = (thrown: unknown): Answer | undefined => {
  const { code, message, field, fault, retryable } = toTelpherError(thrown)
  return retryable && (fault === 'infrastructure' || code === 'idempotency_in_flight') ? undefined : { code, message, field }
}

const handle = async (submitted: Submitted, deps: InboxDeps): Promise<void> => {
  const answer = await start(submitted, deps).catch((thrown: unknown) => {
    deps.log({
      level: 'warn',
      msg: 'a submission was not taken',
      producer: submitted.producer.slice(0, 64),
      error: toTelpherError(thrown).message,
    })
    return answerTo(thrown)
  })
  if (answer !== undefined) await deps.store.inbox.answer(submitted, answer)
}

/**
 * Starts the loop that makes deployments of what producers submit. Several servers may run it: each submission is taken by one.
 * @returns what settles when it has ended after the signal
 */
export const startInbox = ({ signal, ...deps }: InboxDeps & { readonly signal: AbortSignal }): { readonly stopped: Promise<void> } => {
  const server = randomUUID()
  const loop = async (): Promise<void> => {
    const said = logOnce(deps.log, 'the inbox cannot be read')
    while (!signal.aborted) {
      try {
        for (const submitted of await deps.store.inbox.take(server, signal)) await handle(submitted, deps)
        said.well()
      } catch (error) {
        said.failed(error)
        await sleep(500, undefined, { signal }).catch(() => {})
      }
    }
  }
  return { stopped: loop() }
}
