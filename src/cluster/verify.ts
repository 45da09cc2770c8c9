import type { LedgerEntry } from '../model/ledger.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { Assessment, ObjectProgress, ObjectRef, Verdict } from '../model/verdict.ts'
import { explain } from './explain.ts'
import { defaultGraces, type Graces, type Trouble } from './graces.ts'
import { createJudge } from './judge.ts'
import { createView, type View } from './view.ts'
import { wantedOf } from './wanted.ts'

export interface VerifyOptions {
  readonly connection: ClusterConnection
  /** The attempt's writes so far. */
  writes(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** Resolves when no more writes will come. */
  readonly final: Promise<void>
  /** Start of the attempt, ms since the epoch. */
  readonly since: number
  /** How long a workload without a readiness probe must stay up, in ms. */
  readonly settleMs: number
  /** ms since the epoch. */
  readonly deadlineAt: number
  readonly signal: AbortSignal
  readonly onProgress: (objects: readonly ObjectProgress[]) => void
  readonly graces?: Partial<Graces>
}

const progressMs = 200
/** Time passes without a change, too: graces and settle times are looked at this often. */
const tickMs = 100

const textOf = (objects: readonly ObjectProgress[]): string =>
  objects.map(({ assessment }) => `${assessment.status} ${assessment.message}`).join('\n')

/** What was found wrong, and for how long. */
interface Blamed {
  readonly ref: ObjectRef
  readonly trouble: Trouble
}

/**
 * Watches what the ledger says was written until it is current, has failed, or the deadline passes.
 * @throws the signal's reason when it is aborted
 */
export const verify = async (options: VerifyOptions): Promise<Verdict> => {
  const graces = { ...defaultGraces, ...options.graces }
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
  const judge = createJudge({ graces, since: options.since, settleMs: options.settleMs, now: () => performance.now() })
  let refs: ObjectRef[] = []
  let final = false
  let due = false
  let judged = false
  let shown = ''
  let shownAt = 0
  let changedAt = performance.now()

  const view: View = createView(options.connection, signal, () => lookSoon())

  const show = (objects: readonly ObjectProgress[]): void => {
    const text = textOf(objects)
    if (text === shown) return
    changedAt = performance.now()
    if (changedAt - shownAt < progressMs) return
    shown = text
    shownAt = changedAt
    options.onProgress(objects)
  }

  const decide = (verdict: Verdict): void => {
    judged = true
    options.onProgress(verdict.objects)
    resolve(verdict)
  }

  const fail = ({ ref, trouble }: Blamed, objects: readonly ObjectProgress[]): void => {
    judged = true
    explain({ view, connection: options.connection, ref, trouble, since: options.since, signal })
      .then((failure) => decide({ outcome: 'failed', objects, failure, notes: judge.notes() }))
      .catch(reject)
  }

  const look = (): void => {
    due = false
    if (judged) return
    view.want(refs)
    const looked = refs.map((ref) => ({ ref, ...judge.look(ref, view) }))
    const objects = looked.map(({ ref, assessment }) => ({ ref, assessment }))
    show(objects)
    const blamed = looked.find((entry): entry is typeof entry & { failure: Trouble } => entry.failure !== undefined)
    const done = (assessment: Assessment): boolean => assessment.status === 'Current' || assessment.status === 'Suspended'
    const outcome =
      final && objects.every(({ assessment }) => done(assessment)) ? 'current' : Date.now() >= options.deadlineAt ? 'deadline' : undefined
    if (blamed !== undefined) fail({ ref: blamed.ref, trouble: blamed.failure }, objects)
    else if (outcome !== undefined) decide({ outcome, objects, notes: judge.notes() })
    if (judged) return
    const waiting = looked.find(({ assessment }) => !done(assessment))
    if (final && waiting !== undefined && performance.now() - changedAt > graces.noActivity) {
      const message = `nothing has changed for ${graces.noActivity / 1000} s: ${waiting.assessment.message}`
      fail(
        {
          ref: waiting.ref,
          trouble: { class: 'stalled', kind: waiting.ref.kind ?? waiting.ref.resource, name: waiting.ref.name, message, graceMs: 0 },
        },
        objects,
      )
    }
  }

  // Many events come together; they are looked at once.
  function lookSoon(): void {
    if (due) return
    due = true
    setImmediate(() => {
      try {
        look()
      } catch (thrown) {
        reject(thrown)
      }
    })
  }

  const refresh = (): void => {
    refs = wantedOf(options.writes())
    lookSoon()
  }
  const unsubscribe = options.onWrite(refresh)
  const ticking = setInterval(lookSoon, tickMs)
  const abort = (): void => reject(options.signal.reason)
  options.signal.addEventListener('abort', abort, { once: true })
  options.final.then(() => {
    final = true
    refresh()
  }, reject)
  refresh()
  try {
    return await promise
  } finally {
    judged = true
    unsubscribe()
    clearInterval(ticking)
    options.signal.removeEventListener('abort', abort)
    ending.abort()
  }
}
