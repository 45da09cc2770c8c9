/** A finished write in the audit log of an API server. */
export interface ClusterWrite {
  readonly auditId: string
  /** When it was received and when it was answered, ms since the epoch, by the API server's clock. */
  readonly from: number
  readonly at: number
  readonly username: string
  /** The token's JTI, where the API server says it (Kubernetes 1.32 and newer). */
  readonly credentialId?: string
  readonly userAgent: string
  /** As the ledger has it: `connect` for streams into pods and proxies. */
  readonly verb: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  readonly code: number
}

/** What a line of the log says: when, and the writes in it. */
export interface LogLine {
  readonly at: number
  readonly writes: readonly ClusterWrite[]
}

interface Event {
  readonly kind?: string
  readonly apiVersion?: string
  readonly stage?: string
  readonly auditID?: string
  readonly verb?: string
  readonly userAgent?: string
  readonly requestReceivedTimestamp?: string
  readonly stageTimestamp?: string
  readonly user?: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> }
  readonly objectRef?: {
    readonly resource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
    readonly subresource?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly items?: readonly Event[]
}

const writeVerbs: readonly string[] = ['create', 'update', 'patch', 'delete', 'deletecollection']
const streams: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']
/** Reviews are asked by creating them, but nothing is stored. */
const reviewGroups: readonly string[] = ['authorization.k8s.io', 'authentication.k8s.io']
const finished: readonly string[] = ['ResponseComplete', 'Panic']

const credentialIdOf = ({ user }: Event): string | undefined =>
  user?.extra?.['authentication.kubernetes.io/credential-id']?.[0]?.replace(/^JTI=/, '')

const timeOf = (text: string | undefined): number => Date.parse(text ?? '')

const writeOf = (event: Event): ClusterWrite | undefined => {
  const { stage = '', auditID, objectRef, verb = '', userAgent = '', user, responseStatus } = event
  const { resource, apiGroup: group = '', subresource = '', namespace = '', name = '' } = objectRef ?? {}
  if (!finished.includes(stage) || auditID === undefined || resource === undefined || reviewGroups.includes(group)) return undefined
  const does = streams.includes(subresource) ? 'connect' : verb
  if (does !== 'connect' && !writeVerbs.includes(does)) return undefined
  const at = timeOf(event.stageTimestamp)
  const received = timeOf(event.requestReceivedTimestamp)
  const credentialId = credentialIdOf(event)
  return {
    auditId: auditID,
    at,
    from: Number.isNaN(received) ? at : received,
    username: user?.username ?? '',
    ...(credentialId === undefined ? {} : { credentialId }),
    userAgent,
    verb: does,
    group,
    resource,
    subresource,
    namespace,
    name,
    code: responseStatus?.code ?? 0,
  }
}

/**
 * Reads a line of an API server's audit log (kubernetes.io/docs/reference/config-api/apiserver-audit.v1: Event; a webhook writes EventList).
 * @returns undefined for an empty line
 * @throws Error that says what is wrong with it
 */
export const parseLogLine = (line: string): LogLine | undefined => {
  if (line.trim() === '') return undefined
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw new Error('it is not JSON')
  }
  const event = (typeof value === 'object' && value !== null ? value : {}) as Event
  const { kind = 'nothing', apiVersion = '' } = event
  if ((kind !== 'Event' && kind !== 'EventList') || apiVersion !== 'audit.k8s.io/v1')
    throw new Error(`it is ${`${kind} ${apiVersion}`.trim().slice(0, 80)}, and not an Event of audit.k8s.io/v1`)
  const events = kind === 'EventList' ? (event.items ?? []) : [event]
  const times = events.map(({ stageTimestamp }) => timeOf(stageTimestamp))
  if (times.some(Number.isNaN)) throw new Error('its stageTimestamp is no time')
  return { at: times.at(-1) ?? 0, writes: events.map(writeOf).filter((write) => write !== undefined) }
}
