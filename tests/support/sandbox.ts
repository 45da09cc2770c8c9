import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { type Cluster, type ClusterOptions, startCluster } from '../../src/sandbox/cluster.ts'
import { type Docker, ensureDocker } from '../../src/sandbox/docker.ts'
import { type ClusterAccess, clusterCalls } from '../../src/sandbox/kubernetes/calls.ts'
import { type Redis, startRedis } from '../../src/sandbox/redis.ts'
import { topology } from './topology.ts'

/**
 * Real parts for tests. Shared ones are started once a run, when the first file asks; a file keeps apart from the others by its own key prefix,
 * labels or namespace, and must not stop them. Own ones may be killed and restarted; whoever starts one stops it.
 */

const ask = async <T>(part: string): Promise<T> => {
  const response = await fetch(`${inject('sandbox')}/${part}`)
  const text = await response.text()
  if (!response.ok) throw new Error(text)
  return JSON.parse(text) as T
}

const shared = (): Promise<never> => Promise.reject(new Error('this part is shared: take an own one to stop it'))

/** The run's Redis, of the set-up that TEST_REDIS says. @returns its URL */
export const sharedRedis = async (): Promise<string> => (await ask<{ url: string }>(`redis-${topology()}`)).url

/** The run's Docker engine, with the execution image. */
export const sharedDocker = async (): Promise<Docker> => {
  const { socketPath } = await ask<{ socketPath: string }>('docker')
  return { socketPath, started: false, kill: shared, restart: shared, stop: () => Promise.resolve() }
}

/** One of the run's clusters; its API server records writes. */
export const sharedCluster = async (node: ClusterOptions['node']): Promise<Cluster> => {
  const access = await ask<ClusterAccess>(node)
  const apiserver = { pid: () => 0, stop: shared, kill: shared, start: shared }
  return { ...access, ...clusterCalls(access), apiserver, stop: () => Promise.resolve() }
}

/** A namespace of a test's own. @returns its name */
export const freshNamespace = async (cluster: Pick<Cluster, 'api'>): Promise<string> => {
  const answer = await cluster.api('POST', '/api/v1/namespaces', { metadata: { generateName: 'test-' } })
  if (answer.status !== 201) throw new Error(answer.body)
  return (JSON.parse(answer.body) as { metadata: { name: string } }).metadata.name
}

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'telpher-own-'))

/** A Redis that the test may kill and restart. */
export const ownRedis = async (config: Readonly<Record<string, string>> = {}): Promise<Redis> =>
  startRedis({ dir: await folder(), temporary: true, config })

/** A Docker engine that the test may kill and restart. */
export const ownDocker = (): Promise<Docker> => ensureDocker({ own: true })

/** A cluster whose API server the test may stop. */
export const ownCluster = async (node: ClusterOptions['node'], more: Pick<ClusterOptions, 'authentication'> = {}): Promise<Cluster> =>
  startCluster({ dir: await folder(), node, audit: true, temporary: true, ...more })
