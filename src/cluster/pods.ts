import type { KubeObject } from '../model/verdict.ts'
import { endOf, isUnready } from './assess/containers.ts'
import { conditionOf, listAt, numberAt, part, textAt } from './assess/fields.ts'
import type { Graces, Trouble } from './graces.ts'

type Fields = Readonly<Record<string, unknown>>

const pullReasons: readonly string[] = ['ErrImagePull', 'ImagePullBackOff', 'RegistryUnavailable', 'ImageInspectError']
const hopelessImage: readonly string[] = ['InvalidImageName', 'ErrImageNeverPull']
const configReasons: readonly string[] = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'PreStartHookError']

/**
 * What a kubelet says that has not yet read a ConfigMap or Secret, on a node under load (kubelet's watch-based manager: failed to sync …
 * cache): it asks again by itself, and nothing is known of the object.
 */
const isUnsynced = (message: string): boolean => /^failed to sync \w+ cache: timed out/.test(message)

export const containersOf = (pod: KubeObject): readonly Fields[] => {
  const status = part(pod, 'status')
  return [...listAt(status, 'initContainerStatuses'), ...listAt(status, 'containerStatuses')]
}

const specOf = (pod: KubeObject, container: string): Fields => {
  const spec = part(pod, 'spec')
  return [...listAt(spec, 'initContainers'), ...listAt(spec, 'containers')].find((entry) => entry['name'] === container) ?? {}
}

/** Whether a container is started again whenever it ends: restartable init containers are sidecars. */
const isKeptUp = (pod: KubeObject, container: string): boolean =>
  textAt(part(pod, 'spec'), 'restartPolicy') !== 'Never' &&
  (textAt(part(pod, 'spec'), 'restartPolicy') !== 'OnFailure' || textAt(specOf(pod, container), 'restartPolicy') === 'Always')

/** What people call a container: restartable init containers are sidecars (Kubernetes docs, sidecar containers). */
const titleOf = (pod: KubeObject, container: string): string => {
  const init = listAt(part(pod, 'spec'), 'initContainers').find((entry) => entry['name'] === container)
  if (init === undefined) return `container ${container}`
  return `${textAt(init, 'restartPolicy') === 'Always' ? 'sidecar' : 'init container'} ${container}`
}

const containerTrouble = (pod: KubeObject, container: Fields, restartsBefore: number, graces: Graces): Trouble | undefined => {
  const name = textAt(container, 'name') ?? ''
  const waiting = part(part(container, 'state'), 'waiting')
  const reason = textAt(waiting, 'reason') ?? ''
  const said = textAt(waiting, 'message') ?? reason
  const at = { kind: 'Pod', name: pod.metadata.name ?? '', container: name }
  const image = textAt(specOf(pod, name), 'image') ?? ''
  if (hopelessImage.includes(reason))
    return { ...at, class: 'image_pull', graceMs: 0, message: `the image ${image} cannot be used: ${said}` }
  if (pullReasons.includes(reason)) {
    const attempts = { needed: graces.pulls, isNew: reason === 'ErrImagePull', longestMs: graces.imagePullLongest }
    return { ...at, class: 'image_pull', graceMs: graces.imagePull, attempts, message: `the image ${image} cannot be pulled: ${said}` }
  }
  if (configReasons.includes(reason))
    return {
      ...at,
      class: 'container_config',
      graceMs: isUnsynced(said) ? Number.POSITIVE_INFINITY : graces.containerConfig,
      message: `${titleOf(pod, name)} cannot be started: ${said}`,
    }
  const restarts = (numberAt(container, 'restartCount') ?? 0) - restartsBefore
  if (isKeptUp(pod, name) && restarts >= graces.restarts)
    return {
      ...at,
      class: 'crash_loop',
      graceMs: 0,
      message: `${titleOf(pod, name)} keeps crashing: ${restarts} restarts, ${endOf(container)}`,
    }
  if (isUnready(container, specOf(pod, name)))
    return { ...at, class: 'probe_failing', graceMs: Number.POSITIVE_INFINITY, message: `${titleOf(pod, name)} runs, but is not ready` }
  return undefined
}

const unscheduled = (pod: KubeObject, graces: Graces): Trouble | undefined => {
  const scheduled = conditionOf(pod, 'PodScheduled')
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined
  const volume = /persistentvolumeclaim/i.test(scheduled.message ?? '')
  return {
    class: volume ? 'volume_pending' : 'unschedulable',
    kind: 'Pod',
    name: pod.metadata.name ?? '',
    message: `no node takes pod ${pod.metadata.name}: ${scheduled.message ?? ''}`,
    graceMs: graces.unschedulable,
  }
}

/**
 * The troubles of a pod, init containers first.
 * @param restartsBefore restarts of a container that the attempt found when it began
 */
export const troublesOfPod = (pod: KubeObject, restartsBefore: (container: string) => number, graces: Graces): readonly Trouble[] => {
  const found = containersOf(pod).map((container) =>
    containerTrouble(pod, container, restartsBefore(textAt(container, 'name') ?? ''), graces),
  )
  return [...found, unscheduled(pod, graces)].filter((trouble) => trouble !== undefined)
}

/** Whether a pod waits for what the node has to prepare: volumes, its network, its image. */
export const isBeingPrepared = (pod: KubeObject): boolean =>
  containersOf(pod).some((container) =>
    ['ContainerCreating', 'PodInitializing'].includes(textAt(part(part(container, 'state'), 'waiting'), 'reason') ?? ''),
  )

/** Whether nothing of a pod runs any more: completed, failed or evicted. */
export const isFinished = (pod: KubeObject): boolean => ['Succeeded', 'Failed'].includes(textAt(part(pod, 'status'), 'phase') ?? '')

/** Whether all containers of a pod that should run do: that they are not ready yet is their own business. */
export const isRunning = (pod: KubeObject): boolean => {
  const containers = listAt(part(pod, 'status'), 'containerStatuses')
  return (
    containers.length > 0 && containers.every((container) => textAt(part(part(container, 'state'), 'running'), 'startedAt') !== undefined)
  )
}

/** Containers without a readiness probe count as ready the moment they start: they have to prove themselves in time. */
export const hasUnprobed = (workload: KubeObject): boolean => {
  const spec = part(workload, 'spec')
  if ((numberAt(spec, 'minReadySeconds') ?? 0) > 0) return false
  const template = workload.kind === 'Pod' ? spec : part(part(spec, 'template'), 'spec')
  return listAt(template, 'containers').some((container) => container['readinessProbe'] === undefined)
}

/** Which container instances there are and what they do, as one text: it changes with every start, end and new pod. */
export const instancesOf = (pods: readonly KubeObject[]): string =>
  pods
    .flatMap((pod) =>
      containersOf(pod).map((container) =>
        [
          pod.metadata.uid,
          textAt(container, 'name'),
          textAt(container, 'containerID') ?? '',
          numberAt(container, 'restartCount') ?? 0,
          Object.keys(part(container, 'state')).join(),
        ].join(' '),
      ),
    )
    .sort()
    .join('\n')

/** When the youngest container began, ms since the epoch by the node's clock; undefined when one does not run, or there is none. */
export const youngestStart = (pods: readonly KubeObject[]): number | undefined => {
  let youngest: number | undefined
  for (const pod of pods)
    for (const container of listAt(part(pod, 'status'), 'containerStatuses')) {
      const started = Date.parse(textAt(part(part(container, 'state'), 'running'), 'startedAt') ?? '')
      if (Number.isNaN(started)) return undefined
      youngest = Math.max(youngest ?? started, started)
    }
  return youngest
}
