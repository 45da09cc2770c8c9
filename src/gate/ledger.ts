import type { LedgerEntry, WriteVerb } from '../model/ledger.ts'
import type { Ledger } from '../model/ports.ts'
import type { RequestInfo } from './path.ts'

const writeVerbs: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection']
const streams: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']
/** Reviews are asked by creating them, but nothing is stored. */
const reviewGroups: readonly string[] = ['authorization.k8s.io', 'authentication.k8s.io']

/** What a request does to the cluster, or undefined when it only reads. */
export const writeVerb = (info: RequestInfo): WriteVerb | undefined => {
  if (!info.isResource || reviewGroups.includes(info.group)) return undefined
  if (streams.includes(info.subresource)) return 'connect'
  return writeVerbs.includes(info.verb) ? (info.verb as WriteVerb) : undefined
}

/** What the API server's answer says of a write. */
export interface WriteAnswer {
  /** HTTP status; 0 when none came. */
  readonly code: number
  readonly auditId?: string
  /** The answer's JSON, where it is one. */
  readonly body?: unknown
}

export interface LedgerBook {
  /** Opens a write: it counts as open until `close` has stored its entry. */
  open(info: RequestInfo, verb: WriteVerb, dryRun: boolean, credentialId: string): { close(answer: WriteAnswer): Promise<void> }
  openWrites(): number
  entries(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** Resolves when no write is open and everything is stored. @throws what the store threw */
  settled(): Promise<void>
}

interface Answered {
  kind?: string
  reason?: string
  message?: string
  metadata?: { name?: string; namespace?: string; uid?: string; generation?: number }
}

const factsOf = ({ code, body }: WriteAnswer): Partial<LedgerEntry> => {
  if (typeof body !== 'object' || body === null) return {}
  const { kind, metadata, reason, message } = body as Answered
  if (kind === 'Status') return code >= 400 ? { ...(reason === undefined ? {} : { reason }), ...(message === undefined ? {} : { message }) } : {}
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(metadata?.name === undefined ? {} : { name: metadata.name }),
    ...(metadata?.namespace === undefined ? {} : { namespace: metadata.namespace }),
    ...(metadata?.uid === undefined ? {} : { uid: metadata.uid }),
    ...(metadata?.generation === undefined ? {} : { generation: metadata.generation }),
  }
}

/**
 * The ledger of one attempt. Entries that come while one batch is being stored go together with the next.
 * @param store where the entries go
 * @param attempt its number
 */
export const createLedgerBook = (store: Ledger, attempt: number): LedgerBook => {
  const entries: LedgerEntry[] = []
  const listeners = new Set<(entry: LedgerEntry) => void>()
  let count = 0
  let open = 0
  let waiting: LedgerEntry[] = []
  let storing: Promise<void> | undefined

  const storeAll = async (): Promise<void> => {
    try {
      while (waiting.length > 0) {
        const batch = waiting
        waiting = []
        await store.append(batch)
      }
    } finally {
      storing = undefined
    }
  }
  const append = (entry: LedgerEntry): Promise<void> => {
    waiting.push(entry)
    storing ??= storeAll()
    return storing
  }

  return {
    open(info, verb, dryRun, credentialId) {
      const started = performance.now()
      let closed = false
      open++
      return {
        async close(answer) {
          if (closed) return
          closed = true
          const entry: LedgerEntry = {
            n: ++count,
            at: Date.now(),
            attempt,
            verb,
            group: info.group,
            version: info.version,
            resource: info.resource,
            ...(info.subresource === '' ? {} : { subresource: info.subresource }),
            ...(info.namespace === '' ? {} : { namespace: info.namespace }),
            ...(info.name === '' ? {} : { name: info.name }),
            dryRun,
            code: answer.code,
            ms: Math.round(performance.now() - started),
            credentialId,
            ...(answer.auditId === undefined ? {} : { auditId: answer.auditId }),
            ...factsOf(answer),
          }
          entries.push(entry)
          try {
            await append(entry)
          } finally {
            open--
          }
          for (const listener of listeners) listener(entry)
        },
      }
    },
    openWrites: () => open,
    entries: () => entries,
    onWrite(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async settled() {
      while (storing !== undefined) await storing
    },
  }
}
