import type { AuditCall, AuditEntry, AuditWrite } from './audit.ts'

/** A write by which an account's credential, or one that was minted from it, was seen to be taken by its API server. */
export interface AccountUse extends Pick<AuditWrite, 'at' | 'verb' | 'group' | 'resource' | 'code' | 'credentialId'> {
  readonly subresource?: string | undefined
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly auditId?: string | undefined
  /** Of a deployment's own. */
  readonly deploymentId?: string | undefined
  readonly jobId?: string | undefined
  readonly attempt?: number | undefined
}

/** Whose writes are told apart: those of deployments, and those that a server makes through the pipe, such as for a token of an attempt. */
export const useKinds = ['job', 'server'] as const
export type UseKind = (typeof useKinds)[number]

/** The last use of an account of each kind. */
export type AccountUses = Partial<Readonly<Record<UseKind, AccountUse>>>

/**
 * Whether an API server's answer says that it knew who asked: it authenticates before anything else (kubernetes
 * apiserver/pkg/server/config.go, DefaultBuildHandlerChain). What a proxy before it may have said proves nothing.
 */
const isProof = (code: number): boolean => (code >= 200 && code < 300) || [403, 404, 409, 422].includes(code)

/** What only asks who somebody is and what they may do, and what is done to see whether it could be. */
const isTrial = ({ group, dryRun }: AuditCall): boolean => dryRun || group === 'authentication.k8s.io' || group === 'authorization.k8s.io'

const kindOf = (entry: AuditEntry): UseKind | undefined => {
  if (entry.type === 'write') return 'job'
  if (entry.type !== 'call' || isTrial(entry)) return undefined
  return entry.who === 'server' ? 'server' : 'job'
}

/** What an entry of the record of who did what says of the use of a target's account; undefined for nothing. */
const useOf = (entry: AuditEntry): { readonly target: string; readonly kind: UseKind; readonly use: AccountUse } | undefined => {
  const kind = kindOf(entry)
  if (kind === undefined || (entry.type !== 'write' && entry.type !== 'call')) return undefined
  const { target, at, verb, group, resource, subresource, namespace, name, code, credentialId, auditId } = entry
  if (target === undefined || !isProof(code)) return undefined
  const { deploymentId, jobId, attempt } = entry
  const use = { at, verb, group, resource, subresource, namespace, name, code, credentialId, auditId, deploymentId, jobId, attempt }
  return { target, kind, use }
}

/** The newest use of each kind of each target that some entries tell of. */
export const usesOf = (entries: Iterable<AuditEntry>): ReadonlyMap<string, AccountUses> => {
  const found = new Map<string, AccountUses>()
  for (const entry of entries) {
    const one = useOf(entry)
    if (one === undefined) continue
    const before = found.get(one.target)
    if ((before?.[one.kind]?.at ?? 0) <= one.use.at) found.set(one.target, { ...before, [one.kind]: one.use })
  }
  return found
}
