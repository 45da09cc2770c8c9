import { createConnector } from '../cluster/connection.ts'
import type { Binder } from '../credentials/bound.ts'
import type { Keyring } from '../credentials/keyfile.ts'
import { startRotation } from '../credentials/rotation/loop.ts'
import type { Cluster } from '../model/ports.ts'
import { isActive } from '../model/states.ts'
import type { Target } from '../model/target.ts'
import type { Store } from '../store/index.ts'
import { boundJournal } from './bound.ts'
import { createRefusals } from './refusals.ts'

/** Whether an attempt that began before a time still runs at a target. */
const isBusy = async ({ deployments }: Pick<Store, 'deployments'>, target: Target, since: number): Promise<boolean> => {
  for (const id of await deployments.active()) {
    const snapshot = await deployments.snapshot(id).catch(() => undefined)
    const holds = snapshot?.jobs.some(
      ({ job }) => job.target === target.name && isActive(job.status) && (job.startedAt ?? job.createdAt) <= since,
    )
    if (holds === true) return true
  }
  return false
}

/** Starts the rotation of the accounts of all targets: docs/reference/credentials.md. */
export const startAccounts = async (options: {
  readonly store: Store
  readonly key: Keyring
  readonly cluster?: Cluster
  /** Looks at the records of targets before anything is sent to them. */
  readonly binder?: Binder
  readonly log: (line: object) => void
  readonly signal: AbortSignal
}): Promise<{ readonly stopped: Promise<void> }> => {
  const { store, key, binder, log, signal } = options
  return startRotation({
    journal: binder === undefined ? store.rotations : boundJournal(store.rotations, binder),
    cluster: options.cluster ?? { connect: createConnector() },
    key,
    installation: await store.installation(),
    isBusy: (target, since) => isBusy(store, target, since),
    refused: createRefusals(store),
    record: (entry) => store.audit.append(entry),
    log,
    signal,
  })
}
