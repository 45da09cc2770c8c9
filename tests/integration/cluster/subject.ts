import { text } from 'node:stream/consumers'
import { connect } from '../../../src/cluster/connection.ts'
import { verify } from '../../../src/cluster/verify.ts'
import type { LedgerEntry } from '../../../src/model/ledger.ts'
import type { ClusterConnection, Judging } from '../../../src/model/ports.ts'
import { Secret } from '../../../src/model/secret.ts'
import type { KubeObject, ObjectProgress, Verdict } from '../../../src/model/verdict.ts'
import type { Cluster } from '../../../src/sandbox/cluster.ts'

type Access = Pick<Cluster, 'server' | 'caPem' | 'admin' | 'api'>

/** A connection as the cluster's admin. @param port of a proxy before the API server */
export const adminConnection = (cluster: Access, port?: number): ClusterConnection => {
  const server = new URL(cluster.server)
  if (port !== undefined) server.port = String(port)
  return connect(
    { server: server.href, ca: cluster.caPem },
    { id: 'admin', kind: 'client-certificate', certificate: cluster.admin.certPem, key: new Secret(cluster.admin.keyPem) },
  )
}

/** A connection with a bearer token. */
export const tokenConnection = (cluster: Access, token: string): ClusterConnection =>
  connect({ server: cluster.server, ca: cluster.caPem }, { id: 'token', kind: 'bearer', token: new Secret(token) })

/** Sends a JSON merge patch (RFC 7396). @returns the object @throws Error with the server's answer */
export const mergePatch = async (cluster: Access, path: string, patch: object): Promise<KubeObject> => {
  const connection = adminConnection(cluster)
  try {
    const answer = await connection.request({
      method: 'PATCH',
      path,
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify(patch),
    })
    const body = await text(answer.body)
    if (answer.status >= 300) throw new Error(body)
    return JSON.parse(body) as KubeObject
  } finally {
    connection.close()
  }
}

const resourceOf = (kind: string): string => {
  const plural = kind.toLowerCase()
  return plural.endsWith('s') ? `${plural}es` : `${plural}s`
}

/** The ledger of a step, filled by writing for real. */
export interface Writing {
  writes(): readonly LedgerEntry[]
  onWrite(listener: (entry: LedgerEntry) => void): () => void
  /** Creates an object. @returns it as the server answered */
  create(object: object): Promise<KubeObject>
  /** Sends a merge patch. */
  patch(object: KubeObject, patch: object): Promise<KubeObject>
  delete(object: KubeObject): Promise<void>
}

/** @param cluster is written to as its admin */
export const startWriting = (cluster: Access): Writing => {
  const entries: LedgerEntry[] = []
  const listeners = new Set<(entry: LedgerEntry) => void>()
  const pathOf = ({ apiVersion = 'v1', kind = '', metadata }: KubeObject): string => {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
    return `${root}${metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`}/${resourceOf(kind)}`
  }
  const send = async (method: string, path: string, body?: object): Promise<KubeObject> => {
    if (method === 'PATCH') return mergePatch(cluster, path, body ?? {})
    const answer = await cluster.api(method, path, body)
    if (answer.status >= 300) throw new Error(answer.body)
    return JSON.parse(answer.body) as KubeObject
  }
  const write = async (verb: LedgerEntry['verb'], method: string, path: string, object: KubeObject, body?: object): Promise<KubeObject> => {
    const said = await send(method, path, body)
    const [group, version] = object.apiVersion?.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion]
    const entry: LedgerEntry = {
      n: entries.length + 1,
      at: Date.now(),
      attempt: 1,
      verb,
      group: group ?? '',
      version: version ?? 'v1',
      resource: resourceOf(object.kind ?? ''),
      kind: object.kind ?? '',
      ...(object.metadata.namespace === undefined ? {} : { namespace: object.metadata.namespace }),
      name: said.metadata.name ?? object.metadata.name ?? '',
      ...(said.metadata.uid === undefined ? {} : { uid: said.metadata.uid }),
      ...(said.metadata.generation === undefined ? {} : { generation: said.metadata.generation }),
      dryRun: false,
      code: 200,
      ms: 1,
      credentialId: 'admin',
    }
    entries.push(entry)
    for (const listener of listeners) listener(entry)
    return said
  }
  return {
    writes: () => entries,
    onWrite(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    create: (object) => write('create', 'POST', pathOf(object as KubeObject), object as KubeObject, object),
    patch: (object, patch) => write('patch', 'PATCH', `${pathOf(object)}/${object.metadata.name}`, object, patch),
    async delete(object) {
      await write('delete', 'DELETE', `${pathOf(object)}/${object.metadata.name}`, object)
    },
  }
}

export interface Judged extends Verdict {
  /** What was told along the way, oldest first. */
  readonly progress: readonly (readonly ObjectProgress[])[]
  readonly ms: number
}

/** Verifies what was written, to its end. */
/** A deadline so many ms from now. */
export const before = (ms: number): (() => number) => {
  const at = performance.now() + ms
  return () => at
}

export const judge = async (connection: ClusterConnection, writing: Writing, over: Partial<Judging> = {}): Promise<Judged> => {
  const progress: (readonly ObjectProgress[])[] = []
  const begun = performance.now()
  const verdict = await verify({
    connection,
    writes: writing.writes,
    onWrite: writing.onWrite,
    final: Promise.resolve(),
    since: Date.now() - 1000,
    settleMs: 5000,
    deadlineAt: before(90_000),
    signal: AbortSignal.timeout(100_000),
    onProgress: (objects) => void progress.push(objects),
    ...over,
  })
  return { ...verdict, progress, ms: performance.now() - begun }
}

const readiness = { httpGet: { path: '/ready', port: 8080 }, periodSeconds: 1 }

/** A Deployment of the sandbox's web server with a readiness probe. */
export const web = (namespace: string, name: string, spec: object = {}): KubeObject =>
  deployment(namespace, name, { image: 'example.test/web:1', readinessProbe: readiness }, spec)

/** A Deployment of one container. */
export const deployment = (namespace: string, name: string, container: object, spec: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example.test/busybox:1', ...container }] },
    },
    ...spec,
  },
})

/** A container that runs a shell. */
export const shell = (script: string): object => ({ command: ['sh', '-c', script] })
