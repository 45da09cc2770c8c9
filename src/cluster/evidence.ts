import type { KubeObject } from '../model/verdict.ts'
import { conditionOf, isTrue, numberAt, part, textAt } from './assess/fields.ts'
import type { Graces, Trouble } from './graces.ts'
import { isBeingPrepared } from './pods.ts'

/** When an event happened last, ms since the epoch by the cluster's clock. */
export const timeOfEvent = (event: KubeObject): number =>
  Date.parse(
    textAt(part(event, 'series'), 'lastObservedTime') ??
      textAt(event, 'lastTimestamp') ??
      textAt(event, 'eventTime') ??
      event.metadata.creationTimestamp ??
      '',
  )

const creationTrouble = (object: KubeObject, said: string, graces: Graces): Trouble => ({
  class: /exceeded quota/.test(said) ? 'quota_exceeded' : /admission|denied/.test(said) ? 'admission_denied' : 'forbidden',
  kind: object.kind ?? '',
  name: object.metadata.name ?? '',
  message: `pods cannot be created: ${said}`,
  graceMs: graces.noPods,
})

/** Deployments and ReplicaSets say in a condition that their pods cannot be created: quota, admission, a missing service account. */
export const troubleOfConditions = (object: KubeObject, graces: Graces): Trouble | undefined => {
  const failure = conditionOf(object, 'ReplicaFailure')
  return isTrue(failure) ? creationTrouble(object, failure?.message ?? '', graces) : undefined
}

const newest = (events: Iterable<KubeObject>, about: KubeObject, reason: RegExp, since: number): string | undefined => {
  let found: KubeObject | undefined
  for (const event of events) {
    if (textAt(part(event, 'involvedObject'), 'uid') !== about.metadata.uid || !reason.test(textAt(event, 'reason') ?? '')) continue
    if (timeOfEvent(event) >= since && (found === undefined || timeOfEvent(event) > timeOfEvent(found))) found = event
  }
  return found === undefined ? undefined : (textAt(found, 'message') ?? '')
}

/** How many pods a workload should have by now. */
const wantedPods = (object: KubeObject): number => {
  const spec = part(object, 'spec')
  if (object.kind === 'DaemonSet') return numberAt(part(object, 'status'), 'desiredNumberScheduled') ?? 1
  if (object.kind === 'Job') return numberAt(part(object, 'status'), 'active') === undefined ? 1 : 0
  return numberAt(spec, 'replicas') ?? 1
}

/**
 * What only events tell: that a StatefulSet, DaemonSet or Job cannot create its pods, and that a node cannot prepare what
 * a pod needs.
 * @param since older events are of an earlier rollout; ms since the epoch by the cluster's clock
 */
export const troublesOfEvents = (
  object: KubeObject,
  pods: readonly KubeObject[],
  events: Iterable<KubeObject>,
  since: number,
  graces: Graces,
): readonly Trouble[] => {
  const troubles: Trouble[] = []
  const uncreated = pods.length < wantedPods(object) ? newest(events, object, /^FailedCreate$/, since) : undefined
  if (uncreated !== undefined) troubles.push(creationTrouble(object, uncreated, graces))
  for (const pod of pods) {
    if (!isBeingPrepared(pod)) continue
    const said = newest(events, pod, /^(?:FailedMount|FailedAttachVolume|FailedCreatePodSandBox)$/, since)
    if (said === undefined) continue
    const missing = /(?:configmap|secret|serviceaccount)\b.*not found|references non-existent/i.test(said)
    troubles.push({
      class: missing ? 'container_config' : /sandbox/i.test(said) ? 'other' : 'volume_pending',
      kind: 'Pod',
      name: pod.metadata.name ?? '',
      message: `pod ${pod.metadata.name} cannot be prepared: ${said}`,
      graceMs: missing ? graces.containerConfig : graces.unschedulable,
    })
  }
  return troubles
}
