import { Readable } from 'node:stream'
import type { ClusterConnection, ClusterRequest } from '../../src/model/ports.ts'
import { encodeRelease } from '../../src/steps/helm-release.ts'

interface Secret {
  metadata: { name: string; resourceVersion: string; creationTimestamp: string; labels: Record<string, string> }
  data: { release: string }
}

/** The Secret of one revision of the release `web`, as helm writes it. */
export const helmRecord = (revision: number, status: string, labels: Record<string, string> = {}): Secret => ({
  metadata: {
    name: `sh.helm.release.v1.web.v${revision}`,
    resourceVersion: '7',
    creationTimestamp: '2026-01-02T03:04:05Z',
    labels: { ...labels, owner: 'helm', name: 'web', status, version: String(revision) },
  },
  data: { release: encodeRelease({ name: 'web', version: revision, info: { status, description: 'x' }, manifest: 'kept' }) },
})

/** A double of the API server's secrets, for what a real one cannot be made to do at will: a conflict, a record that is gone. */
export const secretsOf = (
  secrets: Secret[],
  putStatus = 200,
): { readonly connection: ClusterConnection; readonly written: readonly Secret[] } => {
  const written: Secret[] = []
  const connection = {
    credentialId: 'c',
    async request({ method, path, body }: ClusterRequest) {
      if (method === 'PUT') written.push(JSON.parse(String(body)) as Secret)
      const found = secrets.find(({ metadata }) => path.endsWith(metadata.name))
      const answer = method === 'PUT' ? {} : path.includes('labelSelector') ? { items: secrets } : found
      return { status: method === 'PUT' ? putStatus : 200, headers: {}, rawHeaders: [], body: Readable.from([JSON.stringify(answer)]) }
    },
  } as unknown as ClusterConnection
  return { connection, written }
}
