import { readJson } from '../model/answer.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import { decodeRelease, encodeRelease } from './helm-release.ts'

/** Helm's record of one revision, as its labels tell it (helm: pkg/storage/driver/secrets.go). */
export interface HelmRecord {
  /** Name of the Secret, `sh.helm.release.v1.NAME.vN`. */
  readonly secret: string
  readonly revision: number
  readonly status: string
  /** When the revision was begun, ms since the epoch. */
  readonly createdAt: number
  readonly labels: Readonly<Record<string, string>>
}

interface Metadata {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly creationTimestamp?: string
}

interface ReleaseSecret {
  readonly metadata: Metadata
  readonly data?: Readonly<Record<string, string>>
}

const timeoutMs = 15_000
const whole = 'application/json'
/** Names and labels alone: a record itself may have a megabyte (Kubernetes docs: API concepts, metadata-only). */
const metadataOnly = `application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,${whole}`

const secretsPath = (namespace: string): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`

interface Call {
  readonly method: 'GET' | 'PUT'
  readonly path: string
  readonly accept?: string
  readonly body?: unknown
}

const call = async (
  connection: ClusterConnection,
  { method, path, accept = whole, body }: Call,
): Promise<{ status: number; body: unknown }> => {
  const answer = await connection.request({
    method,
    path,
    timeoutMs,
    headers: { accept, ...(body === undefined ? {} : { 'content-type': whole }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await readJson(answer.body).catch(() => undefined) }
}

const refused = (status: number, what: string): TelpherError =>
  new TelpherError(status === 403 ? 'target_forbidden' : 'target_error', `the API server answered ${status} when ${what}`)

/**
 * The records of a Helm release, newest revision first; only labels are read.
 * @throws TelpherError target_forbidden, target_error, and those of the connection
 */
export const releaseRecords = async (connection: ClusterConnection, namespace: string, release: string): Promise<HelmRecord[]> => {
  const selector = encodeURIComponent(`owner=helm,name=${release}`)
  const path = `${secretsPath(namespace)}?labelSelector=${selector}`
  const { status, body } = await call(connection, { method: 'GET', path, accept: metadataOnly })
  if (status === 404) return []
  if (status !== 200) throw refused(status, `the records of the Helm release ${release} were listed`)
  // An empty list of metadata has `null` for its items.
  const { items } = (body ?? {}) as { items?: readonly ReleaseSecret[] | null }
  return (items ?? [])
    .map(({ metadata: { name, labels = {}, creationTimestamp = '' } }) => ({
      secret: name,
      revision: Number(labels['version'] ?? 0),
      status: labels['status'] ?? 'unknown',
      createdAt: Date.parse(creationTimestamp) || 0,
      labels,
    }))
    .sort((a, b) => b.revision - a.revision)
}

/**
 * Marks a revision as failed, as Flux does: nothing is uninstalled or rolled back. The resourceVersion of what was read
 * goes with the write, so that a helm that is at work after all is not overwritten.
 * @param reason becomes the description that `helm history` shows
 * @returns false when somebody else changed the record in between
 * @throws TelpherError target_forbidden, target_error, and those of the connection
 */
export const markFailed = async (
  connection: ClusterConnection,
  namespace: string,
  record: HelmRecord,
  reason: string,
): Promise<boolean> => {
  const path = `${secretsPath(namespace)}/${encodeURIComponent(record.secret)}`
  const { status, body } = await call(connection, { method: 'GET', path })
  if (status === 404) return false
  if (status !== 200) throw refused(status, `the record ${record.secret} was read`)
  const secret = body as ReleaseSecret
  if (secret.metadata.labels?.['status'] !== record.status) return false
  const release = decodeRelease(secret.data?.['release'] ?? '')
  release.info = { ...release.info, status: 'failed', description: reason }
  const modifiedAt = String(Math.floor(Date.now() / 1000))
  const changed = {
    ...secret,
    metadata: { ...secret.metadata, labels: { ...secret.metadata.labels, status: 'failed', modifiedAt } },
    data: { ...secret.data, release: encodeRelease(release) },
  }
  const written = await call(connection, { method: 'PUT', path, body: changed })
  if (written.status === 409 || written.status === 404) return false
  if (written.status !== 200) throw refused(written.status, `the record ${record.secret} was marked as failed`)
  return true
}
