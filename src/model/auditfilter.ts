import type { AuditRecord } from './audit.ts'

/** Which records are wanted: all that is given must hold. */
export interface AuditFilter {
  /** When it happened, both inclusive, ms since the epoch. */
  since?: number | undefined
  until?: number | undefined
  /** Types, joined by commas. */
  type?: string | undefined
  target?: string | undefined
  deployment?: string | undefined
  who?: string | undefined
  /** Verb of a write, or action of anything else. */
  verb?: string | undefined
  /** `resource`, `resource.group`, `resource/subresource`. */
  resource?: string | undefined
  namespace?: string | undefined
  name?: string | undefined
  /** A status such as `409` or `4xx`, or the name of an error. */
  code?: string | undefined
  credential?: string | undefined
}

const isCode = (code: string | number | undefined, wanted: string): boolean => {
  const text = code === undefined ? '' : String(code)
  return /^\dxx$/.test(wanted) ? /^\d{3}$/.test(text) && text[0] === wanted[0] : text === wanted
}

const isResource = (record: AuditRecord, wanted: string): boolean => {
  if (record.type !== 'write' && record.type !== 'call') return false
  const { resource, group, subresource } = record
  const below = subresource === undefined ? '' : `/${subresource}`
  return [resource, `${resource}.${group}`, `${resource}${below}`, `${resource}.${group}${below}`].includes(wanted)
}

/** Whether a record is one of those asked for. */
export const isRecordOf = (record: AuditRecord, filter: AuditFilter): boolean => {
  const { since, until, type, target, deployment, who, verb, resource, namespace, name, code, credential } = filter
  if (since !== undefined && record.at < since) return false
  if (until !== undefined && record.at > until) return false
  if (type !== undefined && !type.split(',').includes(record.type)) return false
  if (target !== undefined && record.target !== target && !(record.type === 'target' && record.name === target)) return false
  if (deployment !== undefined && record.deploymentId !== deployment) return false
  if (who !== undefined && record.who !== who && !record.who.startsWith(`${who}:`)) return false
  if (verb !== undefined && ('verb' in record ? record.verb : record.action) !== verb) return false
  if (resource !== undefined && !isResource(record, resource)) return false
  if (namespace !== undefined && !('namespace' in record && record.namespace === namespace)) return false
  if (name !== undefined && !('name' in record && record.name === name)) return false
  if (code !== undefined && !isCode(record.code, code)) return false
  return credential === undefined || ('credentialId' in record && record.credentialId === credential)
}
