import type { LedgerEntry, WriteVerb } from '../model/ledger.ts'
import type { Ledger } from '../model/ports.ts'
import { answerFacts, type WriteAnswer } from './answer.ts'
import type { RequestInfo } from './path.ts'

const writeVerbs: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection']
const streams: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']
/** Reviews are asked by creating them, but nothing is stored. */
const reviewGroups: readonly string[] = ['authorization.k8s.io', 'authentication.k8s.io']

/** What a request does to the cluster, or undefined when it only reads. */
export const writeVerb = (info: RequestInfo): WriteVerb | undefined => {
  if (!info.isResource || reviewGroups.includes(info.group)) return undefined
  if (streams.includes(info.subresource) || info.verb === 'proxy') return 'connect'
  return writeVerbs.includes(info.verb) ? (info.verb as WriteVerb) : undefined
}

/** One write on its way. */
export interface OpenWrite {
  /** It is being sent: from now on it counts as open. */
  sending(credentialId: string): void
  /** Nothing of it can have reached the API server. */
  notSent(): void
  /** Stores its entry. Without an answer (code 0) that is only done for what was sent. */
  close(answer: WriteAnswer): Promise<void>
}

export interface LedgerBook {
  open(info: RequestInfo, verb: WriteVerb, dryRun: boolean): OpenWrite
  openWrites(): number
  entries(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** Resolves when no write is open and everything is stored. @throws what the store threw */
  settled(): Promise<void>
}

/** Stores entries in order; those that come while one batch is being stored go together with the next. */
const createBatches = (store: Ledger): { append(entry: LedgerEntry): Promise<void>; idle(): Promise<void> } => {
  let waiting: LedgerEntry[] = []
  let storing: Promise<void> | undefined
  const storeAll = async (): Promise<void> => {
    let batch: LedgerEntry[] = []
    try {
      while (waiting.length > 0) {
        batch = waiting
        waiting = []
        await store.append(batch)
        batch = []
      }
    } finally {
      // An entry has its number: storing it again with the next batch changes nothing.
      waiting = [...batch, ...waiting]
      storing = undefined
    }
  }
  const flush = (): Promise<void> => {
    storing ??= storeAll()
    return storing
  }
  return {
    append(entry) {
      waiting.push(entry)
      return flush()
    },
    async idle() {
      while (storing !== undefined || waiting.length > 0) await flush()
    },
  }
}

/**
 * The ledger of one attempt.
 * @param store where the entries go
 * @param attempt its number
 */
export const createLedgerBook = (store: Ledger, attempt: number): LedgerBook => {
  const entries: LedgerEntry[] = []
  const listeners = new Set<(entry: LedgerEntry) => void>()
  const batches = createBatches(store)
  let open = 0
  let quiet = Promise.withResolvers<void>()
  quiet.resolve()
  const opened = (): void => {
    if (open++ === 0) quiet = Promise.withResolvers<void>()
  }
  const ended = (): void => {
    if (--open === 0) quiet.resolve()
  }

  return {
    open(info, verb, dryRun) {
      const started = performance.now()
      let sent = false
      let sends = 0
      let closed = false
      let credentialId = ''
      return {
        sending(id) {
          credentialId = id
          if (!sent) opened()
          sent = true
          sends++
        },
        notSent() {
          if (sent && sends === 1) ended()
          if (sent) sends--
          sent = sends > 0
        },
        async close(answer) {
          if (closed || !sent) return
          closed = true
          const entry: LedgerEntry = {
            n: entries.length + 1,
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
            ...(sends > 1 ? { sends } : {}),
            ...(answer.auditId === undefined ? {} : { auditId: answer.auditId }),
            ...answerFacts(answer),
          }
          entries.push(entry)
          for (const listener of listeners) listener(entry)
          await batches.append(entry).finally(ended)
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
      await quiet.promise
      await batches.idle()
    },
  }
}
