import type { Assessment, KubeObject } from '../../model/verdict.ts'
import { current, inProgress, type Known, part, suspended } from './fields.ts'
import { offOf } from './resting.ts'

type Fields = Readonly<Record<string, unknown>>

/** Groups that Kubernetes itself serves: their kinds need no controller to write a status (Kubernetes API reference). */
const builtIn =
  /^(?:|apps|batch|autoscaling|policy|extensions|(?:admissionregistration|apiextensions|apiregistration|authentication|authorization|certificates|coordination|discovery|events|flowcontrol\.apiserver|internal\.apiserver|networking|node|rbac\.authorization|resource|scheduling|storage|storagemigration)\.k8s\.io)$/

const groupOf = ({ apiVersion = '' }: KubeObject): string => (apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '')

/** What others are made from, and what runs at its hour: written, it is as it should be. */
const runsLater = ({ kind = '' }: KubeObject, status: Fields): boolean => {
  if (Array.isArray(status['active']) && status['active'].length > 0) return false
  return /(?:Template|Composition|Profile|Schedule)$/.test(kind) || typeof status['lastScheduleTime'] === 'string'
}

const isWord = (value: unknown): boolean => typeof value === 'string' && value !== ''

/**
 * An object of which no controller says how it is. A kind of Kubernetes' own is current as soon as it exists; of a custom
 * one nobody can know, so it is called unverified after a settle time.
 * @param known whether the settle time is over
 */
export const assessSilent = (object: KubeObject, status: Fields, known: Known): Assessment => {
  const isEmpty = Object.keys(status).length === 0
  const off = offOf(part(object, 'spec'))
  if (off !== undefined) return isEmpty ? suspended('paused', off) : current('exists', `${off}, and its controller has seen it`)
  if (runsLater(object, status)) return current('exists', 'it exists; nothing of it runs yet')
  // Nothing in it could say that it is not ready: no number, no flag, no condition.
  if (!isEmpty && status['conditions'] === undefined && Object.values(status).every(isWord))
    return current('written', 'its controller has written its status')
  if (builtIn.test(groupOf(object))) return current('exists', 'it exists')
  if (known.settled !== true)
    return inProgress('statusless', isEmpty ? 'it has no status yet' : 'nothing in its status says yet that it is ready')
  return current('unverified', 'it exists; nothing in its status says that it is ready')
}
