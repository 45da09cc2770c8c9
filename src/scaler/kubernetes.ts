import { TelpherError } from '../model/errors.ts'
import type { KubeDriver } from '../model/pool.ts'
import type { ClusterConnection } from '../model/ports.ts'
import type { SeenWorker } from '../model/worker.ts'

const limitMs = 10_000
const largestAnswer = 1 << 20
/** Read by the ReplicaSet controller: of a Deployment that shrinks, pods of a lower cost go first (Kubernetes docs, pod deletion cost). */
const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost'
const busyCost = 1000

const ask = async (
  connection: ClusterConnection,
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: unknown }> => {
  const answer = await connection.request({
    method,
    path,
    headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/merge-patch+json' }) },
    ...(body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) }),
    signal: AbortSignal.timeout(limitMs),
  })
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestAnswer) throw new TelpherError('target_error', `the answer to ${method} ${path} is too large`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
}

const mustBeOk = ({ status, body }: { status: number; body: unknown }, what: string): unknown => {
  if (status < 300) return body
  const said = (body as { message?: string }).message ?? `status ${status}`
  throw new TelpherError('scale_refused', `${what}: ${said.slice(0, 300)}`)
}

export interface Driver {
  /**
   * Takes the Deployment to a number of replicas. Before it shrinks its pods are marked, so that idle workers go first; one that took
   * work meanwhile gets SIGTERM and finishes it within its grace (docs/how-to/scale-workers.md).
   * @param workers those of the pool; the name of each is that of its pod
   * @returns the replicas before
   * @throws TelpherError scale_refused, target_*
   */
  scale(place: KubeDriver, desired: number, workers: readonly SeenWorker[]): Promise<number>
}

/** Scales Kubernetes Deployments of workers. @param connection with the right to patch deployments/scale and pods in their namespaces */
export const createKubeDriver = (connection: ClusterConnection): Driver => {
  // Every worker each time: whoever marked the pod before, another server too, knew of other work.
  const mark = async (namespace: string, { name, attempts }: SeenWorker): Promise<void> => {
    const cost = attempts.length === 0 ? 0 : busyCost + attempts.length
    const patch = { metadata: { annotations: { [costAnnotation]: String(cost) } } }
    const answer = await ask(connection, 'PATCH', `/api/v1/namespaces/${namespace}/pods/${name}`, patch)
    // A worker that runs elsewhere has no pod there.
    if (answer.status !== 404) mustBeOk(answer, `marking pod ${namespace}/${name}`)
  }
  return {
    scale: async ({ namespace, deployment }, desired, workers) => {
      const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${deployment}/scale`
      const what = `Deployment ${namespace}/${deployment}`
      const found = mustBeOk(await ask(connection, 'GET', path), what) as { spec?: { replicas?: number } }
      const current = found.spec?.replicas ?? 0
      if (current === desired) return current
      if (desired < current) await Promise.all(workers.map((worker) => mark(namespace, worker)))
      mustBeOk(await ask(connection, 'PATCH', path, { spec: { replicas: desired } }), what)
      return current
    },
  }
}
