import type { AuditRecord, AuditWrite } from '../../model/audit.ts'

type Named = Pick<AuditWrite, 'resource' | 'group' | 'subresource' | 'namespace' | 'name'>

/** An object as people name it: `deployments.apps/scale shop/web`. */
export const objectText = ({ resource, group, subresource = '', namespace = '', name = '' }: Named): string => {
  const kind = `${resource}${group === '' ? '' : `.${group}`}${subresource === '' ? '' : `/${subresource}`}`
  return `${kind} ${[namespace, name].filter((part) => part !== '').join('/')}`.trim()
}

const detailText = (detail: Readonly<Record<string, string | number | boolean>> | undefined): string =>
  Object.entries(detail ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')

/** What was done, in a few words, and how it ended. */
export const actOf = (record: AuditRecord): { readonly did: string; readonly to: string; readonly ended: string } => {
  if (record.type === 'write' || record.type === 'call') {
    const { verb, dryRun, code, reason } = record
    const ended = code === 0 ? 'no answer' : `${code}${reason === undefined ? '' : ` ${reason}`}`
    return { did: `${verb}${dryRun ? ' (dry run)' : ''}`, to: objectText(record), ended }
  }
  const ended = `${record.outcome}${record.code === undefined ? '' : ` ${record.code}`}`
  if (record.type === 'credential') return { did: `${record.action} credential`, to: record.credentialId ?? '', ended }
  return { did: `${record.action} ${record.type}`, to: `${record.name} ${detailText(record.detail)}`.trim(), ended }
}

/** When, as people read it. */
export const whenText = (at: number): string => new Date(at).toISOString()
