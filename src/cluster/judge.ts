import type { Assessment, KubeObject, ObjectRef } from '../model/verdict.ts'
import { conditionOf, isTrue, numberAt, textAt } from './assess/fields.ts'
import { assess } from './assess/index.ts'
import type { Graces, Trouble } from './graces.ts'
import { podsOf } from './owners.ts'
import { containersOf, hasUnprobed, instancesOf, troubleOfPod, youngestStart } from './pods.ts'
import type { View } from './view.ts'
import { hasStatus } from './wanted.ts'

export interface Looked {
  readonly assessment: Assessment
  /** Present when the object has failed for good: its trouble outlived its grace. */
  readonly failure?: Trouble
}

/** Judges objects as time passes: what a pure rule cannot know, since it sees one object at one moment. */
export interface Judge {
  look(ref: ObjectRef, view: View): Looked
  /** What a success was based on, as sentences. */
  notes(): readonly string[]
}

const withPods = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod', 'Job'])
/** Clocks of nodes and of the worker differ by so much at most, in ms; more is a finding of `target check`. */
const skewMs = 30_000

const waiting = (message: string, rule = 'verify'): Assessment => ({ status: 'InProgress', message, rule })

/** Pods that cannot be created: quota, admission, a missing service account. */
const creationTrouble = (object: KubeObject, graces: Graces): Trouble | undefined => {
  const failure = conditionOf(object, 'ReplicaFailure')
  if (!isTrue(failure)) return undefined
  const message = failure?.message ?? ''
  return {
    class: /exceeded quota/.test(message) ? 'quota_exceeded' : /admission|denied/.test(message) ? 'admission_denied' : 'forbidden',
    kind: object.kind ?? '',
    name: object.metadata.name ?? '',
    message: `pods cannot be created: ${message}`,
    graceMs: graces.noPods,
  }
}

/**
 * A progress deadline that passed before this attempt says nothing of it. The condition is compared with a margin for
 * the clocks' difference; the controller resets it when it sees the new generation.
 */
const isStale = (object: KubeObject, since: number): boolean => {
  const updated = Date.parse(conditionOf(object, 'Progressing')?.lastUpdateTime ?? '')
  return !Number.isNaN(updated) && updated < since - skewMs
}

export const createJudge = (options: {
  readonly graces: Graces
  readonly since: number
  readonly settleMs: number
  readonly now: () => number
}): Judge => {
  const { graces, since, settleMs, now } = options
  const firstSeen = new Map<string, number>()
  const restartsAtFirst = new Map<string, number>()
  const settled = new Map<string, { instances: string; at: number }>()
  const lastGood = new Map<string, Assessment>()
  const notes = new Set<string>()

  /** The trouble once it has lasted its grace; a trouble that changes begins anew. */
  const outlived = (key: string, trouble: Trouble): boolean => {
    const id = `${key} ${trouble.class} ${trouble.name} ${trouble.container ?? ''}`
    const at = firstSeen.get(id) ?? now()
    firstSeen.set(id, at)
    return now() - at >= trouble.graceMs
  }

  /** Pods older than the attempt may have restarted long ago. */
  const restartsBefore =
    (pod: KubeObject) =>
    (container: string): number => {
      const id = `${pod.metadata.uid} ${container}`
      const known = restartsAtFirst.get(id)
      if (known !== undefined) return known
      const old = Date.parse(pod.metadata.creationTimestamp ?? '') < since - skewMs
      const found = containersOf(pod).find((entry) => textAt(entry, 'name') === container)
      const count = old ? (numberAt(found ?? {}, 'restartCount') ?? 0) : 0
      restartsAtFirst.set(id, count)
      return count
    }

  /** Ready without a probe means only started: it must stay so for a while, with the same instances. */
  const hasSettled = (key: string, workload: KubeObject, pods: readonly KubeObject[]): boolean => {
    if (settleMs === 0 || !hasUnprobed(workload)) return true
    const name = `${workload.kind} ${workload.metadata.name}`
    const youngest = youngestStart(pods)
    if (youngest !== undefined && youngest > 0 && youngest < since - settleMs - skewMs) return true
    notes.add(`${name} has a container without a readiness probe: it was watched for ${settleMs / 1000} s`)
    const instances = instancesOf(pods)
    const before = settled.get(key)
    if (before === undefined || before.instances !== instances) {
      settled.set(key, { instances, at: now() })
      return false
    }
    return now() - before.at >= settleMs
  }

  const lookAtWorkload = (key: string, ref: ObjectRef, object: KubeObject, view: View, assessment: Assessment): Looked => {
    const namespace = ref.namespace ?? ''
    if (!view.podsSynced(namespace)) return { assessment: waiting('its pods are being read') }
    const pods = podsOf(object, view.replicaSets(namespace), view.pods(namespace))
    const troubles = pods.map((pod) => troubleOfPod(pod, restartsBefore(pod), graces)).filter((trouble) => trouble !== undefined)
    const creation = assessment.status === 'Current' ? undefined : creationTrouble(object, graces)
    if (creation !== undefined) troubles.push(creation)
    // A rollout that is complete all the same has none that matters: an evicted pod of a full set, for example.
    const matters = assessment.status === 'Current' ? troubles.filter((trouble) => trouble.class === 'crash_loop') : troubles
    const failure = matters.find((trouble) => outlived(key, trouble))
    if (failure !== undefined) return { assessment: { status: 'Failed', message: failure.message, rule: 'pods' }, failure }
    if (assessment.status !== 'Current')
      return {
        assessment: troubles[0] === undefined ? assessment : { ...assessment, message: `${assessment.message}; ${troubles[0].message}` },
      }
    if (object.kind === 'Job' || hasSettled(key, object, pods)) return { assessment }
    return { assessment: waiting(`${assessment.message}; it has no readiness probe and is watched for ${settleMs / 1000} s`, 'settle') }
  }

  const lookAt = (key: string, ref: ObjectRef, object: KubeObject, view: View): Looked => {
    if (ref.generation !== undefined && (object.metadata.generation ?? ref.generation) < ref.generation)
      return { assessment: waiting('what was written is not seen yet') }
    const assessment = assess(object)
    if (assessment.status === 'Failed') {
      if (object.kind === 'Deployment' && isStale(object, since))
        return { assessment: waiting(`${assessment.message} (from before this deployment)`) }
      const found = withPods.has(object.kind ?? '')
        ? lookAtWorkload(key, ref, object, view, { ...assessment, status: 'InProgress' }).failure
        : undefined
      const own: Trouble = {
        class: object.kind === 'Job' ? 'job_failed' : object.kind === 'Deployment' ? 'progress_deadline' : 'other',
        kind: object.kind ?? '',
        name: ref.name,
        message: assessment.message,
        graceMs: 0,
      }
      return { assessment, failure: found ?? own }
    }
    if (!withPods.has(object.kind ?? '') || assessment.status === 'Terminating') return { assessment }
    return lookAtWorkload(key, ref, object, view, assessment)
  }

  const lookForLost = (key: string, ref: ObjectRef): Looked => {
    // A Job that cleans itself up has done its work: its last word counts.
    const last = lastGood.get(key)
    if (last !== undefined) return { assessment: last }
    const trouble: Trouble = {
      class: 'vanished',
      kind: ref.kind ?? ref.resource,
      name: ref.name,
      message: 'it was written, and is gone',
      graceMs: graces.vanished,
    }
    const assessment: Assessment = { status: 'NotFound', message: 'it is not there', rule: 'verify' }
    return outlived(key, trouble) ? { assessment, failure: trouble } : { assessment }
  }

  return {
    notes: () => [...notes],
    look(ref, view) {
      if (!hasStatus(ref)) return { assessment: { status: 'Current', message: 'it was written', rule: 'plain' } }
      const key = `${ref.group}/${ref.resource} ${ref.namespace ?? ''}/${ref.name}`
      const { synced, denied, object } = view.find(ref)
      if (denied !== undefined) {
        notes.add(`${ref.kind ?? ref.resource} ${ref.name} may not be read, so only its write is known`)
        return { assessment: { status: 'Current', message: 'it was written; it may not be read', rule: 'denied' } }
      }
      if (!synced) return { assessment: waiting('it is being read') }
      if (object === undefined) return lookForLost(key, ref)
      firstSeen.delete(`${key} vanished ${ref.name} `)
      const looked = lookAt(key, ref, object, view)
      if (object.kind === 'Job' && looked.assessment.status === 'Current') lastGood.set(key, looked.assessment)
      return looked
    },
  }
}
