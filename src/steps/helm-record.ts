import { json } from 'node:stream/consumers'
import { gunzipSync, gzipSync } from 'node:zlib'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'

/** Helm's record of one revision, as far as we read and write it (helm: pkg/storage/driver, secrets.go and util.go). */
export interface HelmRecord {
  /** Name of the Secret, `sh.helm.release.v1.NAME.vN`. */
  readonly secret: string
  readonly revision: number
  readonly status: string
  readonly modifiedAt: number
  readonly description: string
}

interface Release {
  info?: { status?: string; description?: string; last_deployed?: string }
  version?: number
  [field: string]: unknown
}

interface ReleaseSecret {
  metadata: { name: string; labels?: Record<string, string>; creationTimestamp?: string; [field: string]: unknown }
  data?: { release?: string }
  [field: string]: unknown
}

/** A Secret's data is base64 of what helm stores: base64 of a gzipped JSON. */
export const decodeRelease = (data: string): Release =>
  JSON.parse(gunzipSync(Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64')).toString('utf8')) as Release

/** The inverse of decodeRelease. */
export const encodeRelease = (release: Release): string =>
  Buffer.from(gzipSync(JSON.stringify(release)).toString('base64'), 'latin1').toString('base64')

const secretsPath = (namespace: string): string => `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`

const call = async (
  connection: ClusterConnection,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> => {
  const answer = await connection.request({
    method,
    path,
    timeoutMs: 15_000,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await json(answer.body).catch(() => undefined) }
}

const refused = (status: number, what: string): TelpherError =>
  new TelpherError(status === 403 ? 'target_forbidden' : 'target_error', `the API server answered ${status} when ${what}`)

/**
 * The records of a Helm release, newest revision first; only labels are read.
 * @throws TelpherError target_forbidden, target_error, and those of the connection
 */
export const releaseRecords = async (connection: ClusterConnection, namespace: string, release: string): Promise<HelmRecord[]> => {
  const selector = encodeURIComponent(`owner=helm,name=${release}`)
  const { status, body } = await call(connection, 'GET', `${secretsPath(namespace)}?labelSelector=${selector}`)
  if (status === 404) return []
  if (status !== 200) throw refused(status, `the records of the Helm release ${release} were listed`)
  const { items = [] } = body as { items?: ReleaseSecret[] }
  return items
    .map((secret) => ({
      secret: secret.metadata.name,
      revision: Number(secret.metadata.labels?.['version'] ?? 0),
      status: secret.metadata.labels?.['status'] ?? 'unknown',
      // Helm 4 creates a revision with the modifiedAt of the one before: the Secret itself cannot be older than it says.
      modifiedAt: Math.max(
        Number(secret.metadata.labels?.['modifiedAt'] ?? 0) * 1000,
        Date.parse(secret.metadata.creationTimestamp ?? '') || 0,
      ),
      description: '',
    }))
    .sort((a, b) => b.revision - a.revision)
}

/**
 * Marks a revision as failed, as Flux does: nothing is uninstalled or rolled back. The resourceVersion of what was read
 * goes with the write, so that a helm that is at work after all is not overwritten.
 * @param reason becomes the description that `helm history` shows
 * @returns false when somebody else changed the record in between
 */
export const markFailed = async (
  connection: ClusterConnection,
  namespace: string,
  record: HelmRecord,
  reason: string,
): Promise<boolean> => {
  const path = `${secretsPath(namespace)}/${encodeURIComponent(record.secret)}`
  const { status, body } = await call(connection, 'GET', path)
  if (status !== 200) throw refused(status, `the record ${record.secret} was read`)
  const secret = body as ReleaseSecret
  const release = decodeRelease(secret.data?.release ?? '')
  if (secret.metadata.labels?.['status'] !== record.status) return false
  release.info = { ...release.info, status: 'failed', description: reason }
  const changed = {
    ...secret,
    metadata: {
      ...secret.metadata,
      labels: { ...secret.metadata.labels, status: 'failed', modifiedAt: String(Math.floor(Date.now() / 1000)) },
    },
    data: { ...secret.data, release: encodeRelease(release) },
  }
  const written = await call(connection, 'PUT', path, changed)
  if (written.status === 409) return false
  if (written.status !== 200) throw refused(written.status, `the record ${record.secret} was marked as failed`)
  return true
}
