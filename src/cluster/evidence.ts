import type { FailureClass, KubeObject } from '../model/verdict.ts'
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

/** What is missing besides, by the words of the API server's service account plugin and of the kubelet. */
const missing = /(?:configmap|secret|serviceaccount)\b.*not found|references non-existent/i

const classOfCreation = (said: string): FailureClass => {
  if (/exceeded quota/.test(said)) return 'quota_exceeded'
  if (missing.test(said)) return 'container_config'
  return /admission|denied|violates PodSecurity/.test(said) ? 'admission_denied' : 'forbidden'
}

const creationTrouble = (object: KubeObject, said: string, graces: Graces): Trouble => ({
  class: classOfCreation(said),
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

/**
 * A claim that is not bound: which provisioner is slow and which will never come is not to be told, so that it fails
 * nothing by itself.
 */
export const troubleOfClaim = (object: KubeObject, message: string): Trouble => ({
  class: 'volume_pending',
  kind: 'PersistentVolumeClaim',
  name: object.metadata.name ?? '',
  message,
  graceMs: Number.POSITIVE_INFINITY,
})

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
    const isMissing = missing.test(said)
    troubles.push({
      class: isMissing ? 'container_config' : /sandbox/i.test(said) ? 'other' : 'volume_pending',
      kind: 'Pod',
      name: pod.metadata.name ?? '',
      message: `pod ${pod.metadata.name} cannot be prepared: ${said}`,
      graceMs: isMissing ? graces.containerConfig : graces.unschedulable,
    })
  }
  return troubles
}

/**
 * The probe that a container was killed for, by the newest event that says so (kubelet: Killing, "Container web failed
 * liveness probe, will be restarted"): of the container itself nothing but an exit code is known.
 */
export const probeThatKilled = (events: readonly KubeObject[], container: string): 'liveness' | 'startup' | undefined => {
  const killings = events
    .filter((event) => textAt(event, 'reason') === 'Killing')
    .map((event) => ({
      at: timeOfEvent(event),
      said: /^Container (\S+) failed (liveness|startup) probe/.exec(textAt(event, 'message') ?? ''),
    }))
    .filter(({ said }) => said?.[1] === container)
    .toSorted((a, b) => b.at - a.at)
  return killings[0]?.said?.[2] as 'liveness' | 'startup' | undefined
}
