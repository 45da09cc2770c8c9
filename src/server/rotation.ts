import { createConnector } from '../cluster/connection.ts'
import type { Keyring } from '../credentials/keyfile.ts'
import { startRotation } from '../credentials/rotation/loop.ts'
import type { AuditActions, AuditEntry } from '../model/audit.ts'
import type { Cluster } from '../model/ports.ts'
import type { Rotation, RotationEvent } from '../model/rotation.ts'
import { isActive } from '../model/states.ts'
import type { Target } from '../model/target.ts'
import type { Store } from '../store/index.ts'

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

const actions: Readonly<Record<RotationEvent['type'], AuditActions['rotation']>> = {
  begin: 'begin',
  made: 'mint',
  lost: 'mint',
  sealed: 'seal',
  verified: 'verify',
  switched: 'switch',
  revoke: 'revoke',
  dead: 'confirm',
  closed: 'end',
  failed: 'end',
  rolledBack: 'roll-back',
}

/** An event of a rotation for the record of who did what. */
const recordOf = (target: Target, event: RotationEvent, { state, version, next, id }: Rotation, at: number): AuditEntry => ({
  type: 'rotation',
  at,
  who: 'server',
  target: target.name,
  action: actions[event.type],
  name: target.account.id,
  outcome: event.type === 'failed' || event.type === 'lost' ? 'failed' : 'done',
  ...(event.type === 'failed' ? { code: event.code } : {}),
  detail: {
    state,
    version,
    ...(next === undefined ? {} : { next }),
    ...(id === undefined ? {} : { rotation: id }),
    ...(event.type === 'dead' ? { dead: event.version } : {}),
    ...(event.type === 'begin' ? { source: event.source } : {}),
  },
})

/** Starts the rotation of the accounts of all targets: docs/reference/credentials.md. */
export const startAccounts = async (options: {
  readonly store: Store
  readonly key: Keyring
  readonly cluster?: Cluster
  readonly log: (line: object) => void
  readonly signal: AbortSignal
}): Promise<{ readonly stopped: Promise<void> }> => {
  const { store, key, log, signal } = options
  return startRotation({
    journal: store.rotations,
    cluster: options.cluster ?? { connect: createConnector() },
    key,
    installation: await store.installation(),
    isBusy: (target, since) => isBusy(store, target, since),
    record: (target, event, rotation) => {
      store.audit.append(recordOf(target, event, rotation, Date.now())).catch((error: unknown) => {
        log({ level: 'warn', msg: 'a rotation is not in the record of who did what', target: target.name, error })
      })
    },
    log,
    signal,
  })
}
