import type { Assessment, FailureClass, KubeObject, ObjectRef } from '../model/verdict.ts'
import { conditionOf, notObserved, numberAt, part, textAt } from './assess/fields.ts'
import { assess, mayHeal, needsMetrics } from './assess/index.ts'
import { troubleOfClaim, troubleOfConditions, troublesOfEvents } from './evidence.ts'
import type { Graces, Trouble } from './graces.ts'
import { createPatience } from './patience.ts'
import { containersOf, hasUnprobed, isRunning, troublesOfPod } from './pods.ts'
import { createSettling } from './settle.ts'
import type { View } from './view.ts'
import { hasStatus } from './wanted.ts'

export interface Looked {
  readonly assessment: Assessment
  /** Present when the object has failed for good: its trouble outlived its grace. */
  readonly failure?: Trouble
  /** What holds the object up so far. */
  readonly suspect?: Trouble
  /** Its containers run: that takes as long as it takes. */
  readonly busy?: boolean
}

/** Judges objects as time passes: what a pure rule cannot know, since it sees one object at one moment. */
export interface Judge {
  look(ref: ObjectRef, view: View): Looked
  /** What a success was based on, as sentences. */
  notes(): readonly string[]
}

const withPods = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod', 'Job'])
/** The cluster's clock is known to about a second; where it is not, clocks differ by so much at most. More is a finding of `target check`. */
const knownSkewMs = 2000
const unknownSkewMs = 30_000
/** Events are watched only for what takes longer than this: most rollouts never need them. */
const eventsAfterMs = 3000

const waiting = (message: string, rule = 'verify'): Assessment => ({ status: 'InProgress', message, rule })
const nameOf = (ref: ObjectRef): string => `${ref.kind ?? ref.resource} ${ref.name}`

const ownClass = (object: KubeObject, rule: string): FailureClass => {
  if (object.kind === 'Job') return 'job_failed'
  if (object.kind === 'Deployment') return 'progress_deadline'
  if (object.kind === 'PersistentVolumeClaim') return 'volume_pending'
  return rule === 'stalled' ? 'stalled' : 'other'
}

/** A trouble of the object itself, as its rule says it. */
const ownTrouble = (object: KubeObject, ref: ObjectRef, { message, rule }: Assessment, graces: Graces): Trouble => ({
  class: ownClass(object, rule),
  kind: object.kind ?? '',
  name: ref.name,
  message,
  graceMs: needsMetrics(rule) ? graces.metrics : mayHeal(rule) ? graces.custom : 0,
})

export const createJudge = (options: {
  readonly graces: Graces
  /** Start of the attempt, ms since the epoch. */
  readonly since: number
  readonly settleMs: number
  /** ms, as performance.now() gives them. */
  readonly now: () => number
}): Judge => {
  const { graces, since, settleMs, now } = options
  const patience = createPatience(now)
  const settling = createSettling({ since, settleMs, now })
  const firstSeen = new Map<string, number>()
  const restartsAtFirst = new Map<string, number>()
  const lastGood = new Map<string, Assessment>()
  const hasBeenWatched = new Set<string>()
  const notes = new Set<string>()

  /** Since when something is known, in ms. */
  const known = (id: string): number => {
    const at = firstSeen.get(id) ?? now()
    firstSeen.set(id, at)
    return now() - at
  }

  /** Start of the attempt by the cluster's clock: what is older says nothing of it. */
  const sinceThere = (view: View): number => {
    const skew = view.clockSkew()
    return skew === undefined ? since - unknownSkewMs : since + skew - knownSkewMs
  }

  /** Pods older than the attempt may have restarted long ago. */
  const restartsBefore =
    (pod: KubeObject, view: View) =>
    (container: string): number => {
      const id = `${pod.metadata.uid} ${container}`
      const before = restartsAtFirst.get(id)
      if (before !== undefined) return before
      const old = Date.parse(pod.metadata.creationTimestamp ?? '') < sinceThere(view)
      const found = containersOf(pod).find((entry) => textAt(entry, 'name') === container)
      const count = old ? (numberAt(found ?? {}, 'restartCount') ?? 0) : 0
      restartsAtFirst.set(id, count)
      return count
    }

  const troublesOf = (key: string, object: KubeObject, pods: readonly KubeObject[], view: View, isCurrent: boolean): readonly Trouble[] => {
    const troubles = pods.flatMap((pod) => troublesOfPod(pod, restartsBefore(pod, view), graces))
    // A rollout that is complete all the same has one trouble that matters: an evicted pod of a full set is none.
    if (isCurrent) return troubles.filter((trouble) => trouble.class === 'crash_loop')
    const creation = troubleOfConditions(object, graces)
    if (creation !== undefined) troubles.push(creation)
    if (known(`${key} unfinished`) >= eventsAfterMs)
      troubles.push(...troublesOfEvents(object, pods, view.warnings(object.metadata.namespace ?? ''), sinceThere(view), graces))
    return troubles
  }

  const lookAtWorkload = (key: string, ref: ObjectRef, object: KubeObject, view: View, assessment: Assessment): Looked => {
    const { synced, denied } = view.pods(ref.namespace ?? '')
    if (!synced && !denied) return { assessment: waiting('its pods are being read') }
    if (denied) notes.add(`the pods of ${nameOf(ref)} may not be read, so only its own status is known`)
    // Before its controller has seen the new state, its pods are those of the old one.
    if (object.kind !== 'Pod' && object.kind !== 'Job' && notObserved(object, '') !== undefined) return { assessment }
    const isCurrent = assessment.status === 'Current'
    const pods = view.podsOf(object)
    const troubles = troublesOf(key, object, pods, view, isCurrent)
    const failure = patience.outlived(key, troubles)
    if (failure !== undefined) return { assessment: { status: 'Failed', message: failure.message, rule: 'pods' }, failure }
    const suspect = troubles[0]
    if (!isCurrent) {
      settling.restart(key)
      const message = suspect === undefined ? assessment.message : `${assessment.message}; ${suspect.message}`
      const busy = pods.length > 0 && pods.every(isRunning)
      return { assessment: { ...assessment, message }, busy, ...(suspect === undefined ? {} : { suspect }) }
    }
    if (object.kind === 'Job') return { assessment }
    if (wantsNone(object)) {
      notes.add(`${nameOf(ref)} wants no pods, so nothing of it runs`)
      return { assessment }
    }
    const settled = settling.isOver(key, object, view)
    if (settleMs > 0 && (hasBeenWatched.has(key) || !settled) && hasUnprobed(object)) {
      hasBeenWatched.add(key)
      notes.add(`${nameOf(ref)} has a container without a readiness probe: it was watched for ${settleMs / 1000} s`)
    }
    if (settled) return { assessment }
    const message = `${assessment.message}; it has no readiness probe and is watched for ${settleMs / 1000} s`
    return { assessment: waiting(message, 'settle'), busy: true }
  }
  /** A progress deadline that passed before this attempt says nothing of it; its controller keeps the condition until there is progress. */
  const isStale = (object: KubeObject, view: View): boolean => {
    const updated = Date.parse(conditionOf(object, 'Progressing')?.lastUpdateTime ?? '')
    return object.kind === 'Deployment' && updated < sinceThere(view)
  }

  const lookAtFailed = (key: string, ref: ObjectRef, object: KubeObject, view: View, assessment: Assessment): Looked => {
    const below = withPods.has(object.kind ?? '')
      ? lookAtWorkload(key, ref, object, view, { ...assessment, status: 'InProgress' })
      : undefined
    if (isStale(object, view)) {
      const message = `${assessment.message} (from before this deployment)`
      return below?.failure === undefined ? { ...below, assessment: waiting(message) } : below
    }
    const own = ownTrouble(object, ref, assessment, graces)
    if (below !== undefined) return { assessment, failure: below.failure ?? below.suspect ?? own }
    const failure = patience.outlived(key, [own])
    return failure === undefined ? { assessment: waiting(assessment.message, assessment.rule), suspect: own } : { assessment, failure }
  }

  const lookAt = (key: string, ref: ObjectRef, object: KubeObject, view: View): Looked => {
    const spec = part(object, 'spec')
    const claimClass = object.kind === 'PersistentVolumeClaim' ? textAt(spec, 'storageClassName') : undefined
    const isPending = textAt(part(object, 'status'), 'phase') === 'Pending'
    const assessment = assess(object, {
      settled: known(`${key} ${object.metadata.uid} ${object.metadata.generation ?? 0}`) >= graces.statusless,
      ...(claimClass !== undefined && isPending ? { bindsLate: view.bindsLate(claimClass) === true } : {}),
    })
    if (assessment.status === 'Failed') return lookAtFailed(key, ref, object, view, assessment)
    if (assessment.status === 'Suspended') notes.add(`${nameOf(ref)}: ${assessment.message}`)
    if (assessment.rule === 'unverified') notes.add(`${nameOf(ref)}: ${assessment.message}`)
    if (!withPods.has(object.kind ?? '') || assessment.status === 'Terminating' || assessment.status === 'Suspended') {
      patience.outlived(key, [])
      const isUnbound = object.kind === 'PersistentVolumeClaim' && assessment.status === 'InProgress'
      return isUnbound ? { assessment, suspect: troubleOfClaim(object, assessment.message) } : { assessment }
    }
    return lookAtWorkload(key, ref, object, view, assessment)
  }

  /** A Job that cleans itself up has done its work: its last word counts, also when it was said between two looks. */
  const lastWord = (key: string, { uid }: ObjectRef, departed: KubeObject | undefined): Assessment | undefined => {
    const said = lastGood.get(`${key} ${uid ?? ''}`)
    if (said !== undefined || departed === undefined || departed.metadata.uid !== uid) return said
    const assessment = assessUndeleted(departed)
    return assessment.status === 'Current' ? assessment : undefined
  }

  const lookForLost = (key: string, ref: ObjectRef, message: string, departed: KubeObject | undefined): Looked => {
    const last = lastWord(key, ref, departed)
    if (last !== undefined) return { assessment: last }
    const trouble: Trouble = { class: 'vanished', kind: ref.kind ?? ref.resource, name: ref.name, message, graceMs: graces.vanished }
    const failure = patience.outlived(key, [trouble])
    return { assessment: { status: 'NotFound', message, rule: 'verify' }, suspect: trouble, ...(failure === undefined ? {} : { failure }) }
  }

  return {
    notes: () => [...notes],
    look(ref, view) {
      if (!hasStatus(ref)) return { assessment: { status: 'Current', message: 'it was written', rule: 'plain' } }
      const key = `${ref.group}/${ref.resource} ${ref.namespace ?? ''}/${ref.name}`
      const { synced, denied, trouble, object, departed } = view.find(ref)
      if (denied !== undefined) {
        notes.add(`${nameOf(ref)} may not be read, so only its write is known`)
        return { assessment: { status: 'Current', message: 'it was written; it may not be read', rule: 'denied' } }
      }
      if (!synced) return { assessment: waiting(trouble === undefined ? 'it is being read' : `it cannot be read: ${trouble}`) }
      if (object === undefined) return lookForLost(key, ref, 'it was written, and is gone', departed)
      if (ref.uid !== undefined && object.metadata.uid !== ref.uid)
        return lookForLost(key, ref, 'it was written, and another object has taken its place', departed)
      if (ref.generation !== undefined && (object.metadata.generation ?? ref.generation) < ref.generation)
        return { assessment: waiting('what was written is not seen yet') }
      const looked = lookAt(key, ref, object, view)
      const end = object.kind === 'Job' ? assessUndeleted(object) : undefined
      if (end?.status === 'Current') lastGood.set(`${key} ${ref.uid ?? ''}`, end)
      return looked
    },
  }
}

/** What an object came to, its deletion aside: it goes in steps, so that its end and its deletion may be seen in one. */
const assessUndeleted = ({ metadata: { deletionTimestamp: _, ...metadata }, ...rest }: KubeObject): Assessment =>
  assess({ ...rest, metadata })

/** Whether a workload is current because it wants nothing to run. */
const wantsNone = (object: KubeObject): boolean =>
  object.kind === 'DaemonSet'
    ? numberAt(part(object, 'status'), 'desiredNumberScheduled') === 0
    : numberAt(part(object, 'spec'), 'replicas') === 0
