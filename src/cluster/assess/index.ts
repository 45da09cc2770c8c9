import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { assessAutoscaler, autoscalerRule } from './autoscaler.ts'
import { assessApiService, assessClaim, assessDefinition, assessIngress, assessNamespace, assessService, assessVolume } from './core.ts'
import { assessDaemonSet } from './daemonset.ts'
import { assessDeployment } from './deployment.ts'
import { type Known, part } from './fields.ts'
import { assessGeneric } from './generic.ts'
import { assessJob } from './job.ts'
import { assessPod } from './pod.ts'
import { assessBudget, assessCronJob } from './policies.ts'
import { assessReplicaSet } from './replicaset.ts'
import { assessStatefulSet } from './statefulset.ts'

type Rule = (object: KubeObject, known: Known) => Assessment

/** One rule a kind, by `group/Kind`. */
const rules: Readonly<Record<string, Rule>> = {
  'apps/Deployment': assessDeployment,
  'apps/StatefulSet': assessStatefulSet,
  'apps/DaemonSet': assessDaemonSet,
  'apps/ReplicaSet': assessReplicaSet,
  '/ReplicationController': assessReplicaSet,
  '/Pod': assessPod,
  'batch/Job': assessJob,
  'batch/CronJob': assessCronJob,
  'policy/PodDisruptionBudget': assessBudget,
  '/PersistentVolumeClaim': assessClaim,
  '/PersistentVolume': assessVolume,
  '/Service': assessService,
  'networking.k8s.io/Ingress': assessIngress,
  'autoscaling/HorizontalPodAutoscaler': assessAutoscaler,
  '/Namespace': assessNamespace,
  'apiextensions.k8s.io/CustomResourceDefinition': assessDefinition,
  'apiregistration.k8s.io/APIService': assessApiService,
}

/** Rules that go by what controllers of any kind say: a controller that says it failed tries again. */
const healing: ReadonlySet<string> = new Set(['condition', 'parents', 'phase', 'reports', 'flag', 'message'])

/** Whether a rule waits for what only running pods bring: an autoscaler has no metrics before they have run for a while. */
export const needsMetrics = (rule: string): boolean => rule === autoscalerRule

/** Whether what a rule calls Failed may still become Current by itself, so that it needs a grace. */
export const mayHeal = (rule: string): boolean => healing.has(rule)

const groupOf = (apiVersion: string): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '')

/**
 * The state of one object, from that object alone: it never fetches.
 * @param object as the API server gives it
 * @param known what only time or another object tells; without it the cautious answer is given
 * @returns status, a message with the counts, and the rule that spoke
 */
export const assess = (object: KubeObject, known: Known = {}): Assessment => {
  if (part(object, 'metadata')['deletionTimestamp'] !== undefined)
    return { status: 'Terminating', message: 'it is being deleted', rule: 'deletion' }
  const rule = rules[`${groupOf(object.apiVersion ?? '')}/${object.kind ?? ''}`] ?? assessGeneric
  return rule(object, known)
}
