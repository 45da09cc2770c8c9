import type { AuditCall } from '../model/audit.ts'
import type { Cluster, ClusterConnection, ClusterRequest } from '../model/ports.ts'
import { writeVerb } from './ledger.ts'
import { parseRequest } from './path.ts'
import { headFacts } from './writes.ts'

/** What is known of whoever calls. */
export type Caller = Pick<AuditCall, 'who' | 'target' | 'deploymentId' | 'jobId' | 'attempt'>

/** Takes a record in, before the answer that it tells of is given on. */
export type RecordCall = (call: AuditCall) => Promise<void>

/** The name that a body gives to what is created, and whether it says that nothing is to be done. */
const factsOfBody = (body: ClusterRequest['body']): { readonly name?: string; readonly dryRun?: true } => {
  if (typeof body !== 'string') return {}
  try {
    const { metadata, dryRun } = JSON.parse(body) as { metadata?: { name?: unknown }; dryRun?: unknown }
    return {
      ...(typeof metadata?.name === 'string' ? { name: metadata.name } : {}),
      ...(Array.isArray(dryRun) && dryRun.includes('All') ? { dryRun: true } : {}),
    }
  } catch {
    return {}
  }
}

/** A connection whose own writes are recorded, as the ledger does it for those of a job: before the caller has the answer. */
export const recordingConnection = (connection: ClusterConnection, caller: Caller, record: RecordCall): ClusterConnection => {
  const request = async (asked: ClusterRequest): ReturnType<ClusterConnection['request']> => {
    const parsed = parseRequest(asked.method, asked.path)
    const verb = parsed.ok ? writeVerb(parsed.info) : undefined
    if (!parsed.ok || verb === undefined) return connection.request(asked)
    const { group, version, resource, subresource, namespace, name } = parsed.info
    const body = factsOfBody(asked.body)
    const named = name === '' ? body.name : name
    const started = performance.now()
    const call = {
      ...caller,
      type: 'call',
      verb,
      group,
      version,
      resource,
      ...(subresource === '' ? {} : { subresource }),
      ...(namespace === '' ? {} : { namespace }),
      ...(named === undefined ? {} : { name: named }),
      dryRun: body.dryRun === true || /[?&]dryRun=All(?:&|$)/.test(asked.path),
      credentialId: connection.credentialId,
    } as const
    const note = (code: number, auditId?: string): Promise<void> =>
      record({ ...call, at: Date.now(), code, ms: Math.round(performance.now() - started), ...(auditId === undefined ? {} : { auditId }) })
    try {
      const answer = await connection.request(asked)
      const { code, auditId } = headFacts(answer)
      await note(code, auditId)
      return answer
    } catch (thrown) {
      await note(0).catch(() => {})
      throw thrown
    }
  }
  return {
    get credentialId() {
      return connection.credentialId
    },
    request,
    upgrade: (asked) => connection.upgrade(asked),
    close: () => connection.close(),
  }
}

/** All connections of a process that makes calls of its own, such as minting. */
export const recordingCluster = (cluster: Cluster, who: string, record: RecordCall): Cluster => ({
  connect: (target, credential) => recordingConnection(cluster.connect(target, credential), { who, target: target.name }, record),
})
