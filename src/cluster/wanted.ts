import type { LedgerEntry } from '../model/ledger.ts'
import type { ObjectRef } from '../model/verdict.ts'

/** Kinds that are what they are as soon as they are written: nothing of them has to be watched. */
const plain = new Set([
  'configmaps',
  'secrets',
  'serviceaccounts',
  'limitranges',
  'resourcequotas',
  'roles.rbac.authorization.k8s.io',
  'rolebindings.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'clusterrolebindings.rbac.authorization.k8s.io',
  'networkpolicies.networking.k8s.io',
  'priorityclasses.scheduling.k8s.io',
  'storageclasses.storage.k8s.io',
])

/** Written along the way by tools and controllers, and nobody's deployment. */
const ignored = new Set(['events', 'events.events.k8s.io', 'leases.coordination.k8s.io'])
const helmRecord = /^sh\.helm\.release\.v1\./

const resourceOf = ({ group, resource }: { group: string; resource: string }): string => (group === '' ? resource : `${resource}.${group}`)

/** Whether an object's kind has a status to wait for. */
export const hasStatus = (ref: ObjectRef): boolean => !plain.has(resourceOf(ref))

/** Helm keeps its releases in Secrets, or in ConfigMaps when told so. */
const isRecord = ({ group, resource, name = '' }: LedgerEntry): boolean =>
  group === '' && (resource === 'secrets' || resource === 'configmaps') && helmRecord.test(name)

const refOf = (write: LedgerEntry, name: string): ObjectRef => ({
  group: write.group,
  version: write.version,
  resource: write.resource,
  name,
  // A namespace's own path carries its name as its namespace; the object itself has none.
  ...(write.namespace === undefined || write.resource === 'namespaces' ? {} : { namespace: write.namespace }),
  ...(write.kind === undefined ? {} : { kind: write.kind }),
  ...(write.uid === undefined ? {} : { uid: write.uid }),
  ...(write.generation === undefined ? {} : { generation: write.generation }),
})

const counts = (write: LedgerEntry): boolean =>
  !write.dryRun && write.subresource === undefined && !ignored.has(resourceOf(write)) && !isRecord(write)

/** The objects that a step has written, kept as its ledger grows: each entry is looked at once. */
export interface Wanted {
  /** Takes in what came since the last time. @param writes the whole ledger, to which entries are only added */
  take(writes: readonly LedgerEntry[]): void
  /** What has to become current, in the order of the first writes. */
  all(): Iterable<ObjectRef>
  /** Those of all whose kind has a status to wait for. */
  watched(): Iterable<ObjectRef>
  readonly size: number
}

/**
 * What has to become current: the objects that the ledger says were written and not deleted since, each with the
 * generation of its last write. What a deletion of a whole collection may have taken is not waited for.
 */
export const createWanted = (): Wanted => {
  const all = new Map<string, ObjectRef>()
  const watched = new Map<string, ObjectRef>()
  let taken = 0

  const remove = (key: string): void => {
    all.delete(key)
    watched.delete(key)
  }
  const takeOne = (write: LedgerEntry): void => {
    if (!counts(write)) return
    const succeeded = write.code >= 200 && write.code < 300
    const collection = `${resourceOf(write)} ${write.namespace ?? ''} `
    if (write.verb === 'deletecollection' && succeeded) {
      for (const key of all.keys()) if (key.startsWith(collection)) remove(key)
    } else if (write.name === undefined) return
    else if (write.verb === 'delete' && (succeeded || write.code === 404)) remove(collection + write.name)
    else if (succeeded && (write.verb === 'create' || write.verb === 'update' || write.verb === 'patch')) {
      const ref = refOf(write, write.name)
      all.set(collection + write.name, ref)
      if (hasStatus(ref)) watched.set(collection + write.name, ref)
    }
  }
  return {
    take(writes) {
      for (; taken < writes.length; taken++) takeOne(writes[taken] as LedgerEntry)
    },
    all: () => all.values(),
    watched: () => watched.values(),
    get size() {
      return all.size
    },
  }
}
