import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { conditionOf, current, failed, inProgress, isTrue, type Known, listAt, part, textAt } from './fields.ts'

/**
 * A claim is bound, or waits rightly for its first pod when its class binds late: waiting for it would wait for ever
 * (Kubernetes docs: storage classes, volume binding mode).
 */
export const assessClaim = (object: KubeObject, { bindsLate = false }: Known): Assessment => {
  const phase = textAt(part(object, 'status'), 'phase') ?? 'Pending'
  if (phase === 'Bound') return current('PersistentVolumeClaim', 'it is bound')
  if (phase === 'Pending' && bindsLate) return current('PersistentVolumeClaim', 'it binds when a pod uses it')
  if (phase === 'Lost') return failed('PersistentVolumeClaim', 'its volume is lost')
  return inProgress('PersistentVolumeClaim', `it is ${phase}`)
}

/** A namespace can be used once it is active. */
export const assessNamespace = (object: KubeObject): Assessment =>
  textAt(part(object, 'status'), 'phase') === 'Active'
    ? current('Namespace', 'it is active')
    : inProgress('Namespace', 'it is not active yet')

/** Only a load balancer is something that a Service waits for. */
export const assessService = (object: KubeObject): Assessment => {
  const spec = part(object, 'spec')
  if (textAt(spec, 'type') !== 'LoadBalancer') return current('Service', 'it exists')
  const ingress = listAt(part(part(object, 'status'), 'loadBalancer'), 'ingress')
  return ingress.length > 0 || listAt(spec, 'externalIPs').length > 0
    ? current('Service', 'its load balancer has an address')
    : inProgress('Service', 'its load balancer has no address yet')
}

/** A CRD serves its kind once its names are accepted and it is established (Kubernetes docs: custom resource definitions). */
export const assessDefinition = (object: KubeObject): Assessment => {
  const rule = 'CustomResourceDefinition'
  const names = conditionOf(object, 'NamesAccepted')
  if (names?.status === 'False') return failed(rule, `its names are taken: ${names.message ?? ''}`)
  const established = conditionOf(object, 'Established')
  if (isTrue(established)) return current(rule, 'it is established')
  return inProgress(rule, `it is not established yet${established?.message ? `: ${established.message}` : ''}`)
}

/** An APIService has Available where others have Ready. */
export const assessApiService = (object: KubeObject): Assessment => {
  const available = conditionOf(object, 'Available')
  return isTrue(available)
    ? current('APIService', 'it is available')
    : inProgress('APIService', available?.message ?? 'it is not available yet')
}

/** A volume is there to be claimed; one whose claim has gone is what its policy made of it. */
export const assessVolume = (object: KubeObject): Assessment => {
  const rule = 'PersistentVolume'
  const status = part(object, 'status')
  const phase = textAt(status, 'phase') ?? 'Pending'
  if (phase === 'Failed')
    return failed(rule, `it cannot be reclaimed: ${textAt(status, 'message') ?? textAt(status, 'reason') ?? 'no reason given'}`)
  return phase === 'Pending' ? inProgress(rule, 'it is Pending') : current(rule, `it is ${phase}`)
}

/** An Ingress is served as soon as it is written: behind a node port it never gets an address. */
export const assessIngress = (object: KubeObject): Assessment => {
  const addresses = listAt(part(part(object, 'status'), 'loadBalancer'), 'ingress')
  return current('Ingress', addresses.length > 0 ? 'it has an address' : 'it exists; it has no address yet')
}
