import type { Judging } from '../model/ports.ts'
import type { ObjectProgress, ObjectRef, Verdict } from '../model/verdict.ts'
import { explain } from './explain.ts'
import { gracesOf, type Trouble } from './graces.ts'
import { createJudge, type Looked } from './judge.ts'
import { createView, type View } from './view.ts'
import { createWanted } from './wanted.ts'

const progressMs = 200
/** Time passes without a change, too: graces and settle times are looked at this often. */
const tickMs = 100
/** A look goes through every watched object: it may take this part of the time, and the rest is for the step's own requests. */
const lookShare = 1 / 4

const textOf = (objects: readonly LookedAt[]): string =>
  objects.map(({ assessment }) => `${assessment.status} ${assessment.message}`).join('\n')

interface LookedAt extends Looked {
  readonly ref: ObjectRef
}

const isDone = ({ assessment }: Looked): boolean => assessment.status === 'Current' || assessment.status === 'Suspended'

/** The trouble of an object that fails only because time is up: what holds it up, as far as that is known. */
const blockerOf = ({ ref, assessment, suspect }: LookedAt, otherwise: 'deadline' | 'stalled'): Trouble =>
  suspect ?? { class: otherwise, kind: ref.kind ?? ref.resource, name: ref.name, message: assessment.message, graceMs: 0 }

/**
 * Watches what the ledger says was written until it is current, has failed, or the deadline passes.
 * @throws the signal's reason when it is aborted
 */
export const verify = async (options: Judging): Promise<Verdict> => {
  const graces = gracesOf(options.graces)
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>()
  const judge = createJudge({ graces, since: options.since, settleMs: options.settleMs, now: () => performance.now() })
  const wanted = createWanted()
  let final = false
  let due = false
  let nextLookAt = 0
  let judged = false
  let shown = ''
  let shownAt = 0
  let changedAt = performance.now()

  const view: View = createView(options.connection, signal, () => lookSoon())

  /** Everything that was written, in its order: what has no status is only now put beside what was looked at. */
  const objectsOf = (looked: readonly LookedAt[]): ObjectProgress[] => {
    const known = new Map(looked.map(({ ref, assessment }) => [ref, assessment]))
    return Array.from(wanted.all(), (ref) => ({ ref, assessment: known.get(ref) ?? judge.look(ref, view).assessment }))
  }

  const show = (looked: readonly LookedAt[]): void => {
    const text = `${wanted.size}\n${textOf(looked)}`
    if (text === shown) return
    changedAt = performance.now()
    if (changedAt - shownAt < progressMs) return
    shown = text
    shownAt = changedAt
    options.onProgress(objectsOf(looked))
  }

  const decide = (verdict: Verdict): void => {
    judged = true
    options.onProgress(verdict.objects)
    resolve(verdict)
  }

  /** Explains first, then decides: whoever reads the verdict reads its cause. */
  const explained = (outcome: 'failed' | 'deadline', ref: ObjectRef, trouble: Trouble, looked: readonly LookedAt[]): void => {
    judged = true
    const objects = objectsOf(looked)
    explain({ view, connection: options.connection, ref, trouble, since: options.since, signal })
      .then((failure) => decide({ outcome, objects, failure, notes: judge.notes() }))
      .catch(reject)
  }

  const lookForStall = (looked: readonly LookedAt[]): void => {
    const stuck = looked.find((entry) => !isDone(entry) && entry.busy !== true)
    // Nothing can be seen to change while the cluster cannot be read.
    if (stuck === undefined || view.trouble() !== undefined) changedAt = performance.now()
    else if (performance.now() - changedAt > graces.noActivity) {
      const blocker = blockerOf(stuck, 'stalled')
      const message = `nothing has changed for ${graces.noActivity / 1000} s: ${blocker.message}`
      explained('failed', stuck.ref, { ...blocker, message }, looked)
    }
  }

  const look = (): void => {
    due = false
    if (judged) return
    const refs = [...wanted.watched()]
    view.want(refs)
    const looked: LookedAt[] = refs.map((ref) => ({ ref, ...judge.look(ref, view) }))
    show(looked)
    const failed = looked.find((entry): entry is LookedAt & { readonly failure: Trouble } => entry.failure !== undefined)
    const open = looked.find((entry) => !isDone(entry))
    const late = performance.now() >= options.deadlineAt()
    if (failed !== undefined) explained('failed', failed.ref, failed.failure, looked)
    else if (final && open === undefined) decide({ outcome: 'current', objects: objectsOf(looked), notes: judge.notes() })
    else if (late && open !== undefined) explained('deadline', open.ref, blockerOf(open, 'deadline'), looked)
    else if (late) decide({ outcome: 'deadline', objects: objectsOf(looked), notes: judge.notes() })
    else if (final) lookForStall(looked)
  }

  const lookNow = (): void => {
    const begun = performance.now()
    try {
      look()
    } catch (thrown) {
      reject(thrown)
    }
    const ended = performance.now()
    nextLookAt = ended + (ended - begun) * (1 / lookShare - 1)
  }

  // Many events come together; they are looked at once.
  function lookSoon(): void {
    if (due) return
    due = true
    const pause = nextLookAt - performance.now()
    if (pause < 1) setImmediate(lookNow)
    else setTimeout(lookNow, pause)
  }

  const refresh = (): void => {
    wanted.take(options.writes())
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
