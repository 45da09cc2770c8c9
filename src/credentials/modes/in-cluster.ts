import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Credential } from '../../model/credential.ts'
import { TelpherError } from '../../model/errors.ts'
import { Secret } from '../../model/secret.ts'
import { claimsOf } from '../jwt.ts'
import { type FixedTarget, fixedMode } from './fixed.ts'
import type { Mode } from './mode.ts'

/** Where the kubelet puts the token of a pod (Kubernetes docs: accessing the API from a pod). */
const mountedToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

export interface InClusterOptions extends FixedTarget {
  /** Where the worker's token lies; where the kubelet puts it when absent. */
  readonly tokenFile?: string
  /** The worker's environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The worker's token is for the cluster that it runs in: a target with another address must not get it. */
const isOwnCluster = (server: string, env: InClusterOptions['env']): boolean => {
  const { hostname, port } = new URL(server)
  const host = hostname.replace(/^\[|\]$/g, '')
  const names = ['kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', env['KUBERNETES_SERVICE_HOST']]
  return names.includes(host) && [env['KUBERNETES_SERVICE_PORT'] ?? '443', '443'].includes(port === '' ? '443' : port)
}

const readToken = async ({ server, env, tokenFile = mountedToken }: InClusterOptions): Promise<Credential> => {
  if (!isOwnCluster(server, env))
    throw new TelpherError('in_cluster', `${new URL(server).host} is not the API server of the cluster that this worker runs in`)
  const text = await readFile(tokenFile, 'utf8').catch((cause: unknown) => {
    throw new TelpherError('in_cluster', `this worker has no service account token at ${tokenFile}`, { cause })
  })
  const token = text.trim()
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TelpherError('in_cluster', `what is at ${tokenFile} is no token`)
  const { id, issuedAt, expiresAt } = claimsOf(token)
  return {
    id: id ?? createHash('sha256').update(token).digest('hex').slice(0, 16),
    kind: 'bearer',
    token: new Secret(token),
    ...(issuedAt === undefined || expiresAt === undefined ? {} : { expiresAt }),
  }
}

/** The service account of the pod that the worker runs in: nothing is stored, and the token is read anew each time, since the kubelet replaces it. */
export const inClusterMode = (options: InClusterOptions): Mode =>
  fixedMode({ ...options, name: 'in-cluster', renewable: true, credential: () => readToken(options) })
