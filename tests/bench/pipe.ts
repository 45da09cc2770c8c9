import { connect } from '../../src/cluster/connection.ts'
import type { Credential } from '../../src/model/credential.ts'
import type { ClusterConnection } from '../../src/model/ports.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { startOwnRedis } from '../support/ownredis.ts'
import { startCarryingProcess } from '../support/pipe-process.ts'
import { startPipes } from '../support/pipes.ts'
import { type Figure, median, rounded, timed } from './figures.ts'

/** Requests are quick: more of them than of what takes seconds. */
const requestsPerRun = 50

/** A way to a cluster through a worker that is a process of its own. */
export interface PipedWay {
  readonly connect: (credential: Credential) => ClusterConnection
  stop(): Promise<void>
}

export const startPipedWay = async (cluster: Cluster): Promise<PipedWay> => {
  const redis = await startOwnRedis({ appendfsync: 'everysec' })
  const pipes = await startPipes(redis.url, { workers: 0 })
  const worker = await startCarryingProcess(redis.url, pipes.pool)
  const target = await pipes.target(cluster.server, { ca: cluster.caPem })
  return {
    connect: (credential) => pipes.cluster.connect(target, credential),
    async stop() {
      await pipes.stop()
      await worker.kill()
      await redis.stop()
    },
  }
}

/** `pipe.added_ms`: what a small request over a connection that stands takes longer through a worker than directly, in the middle. */
export const pipeSuite = async (cluster: Cluster, way: PipedWay, credential: Credential, runs: number): Promise<Figure> => {
  const direct = connect({ server: cluster.server, ca: cluster.caPem }, credential)
  const piped = way.connect(credential)
  const ask = async (connection: ClusterConnection): Promise<void> => {
    const { body } = await connection.request({ method: 'GET', path: '/version' })
    await body.toArray()
  }
  for (let n = 0; n < requestsPerRun; n++) await Promise.all([ask(direct), ask(piped)])
  const times: { direct: number[]; piped: number[] } = { direct: [], piped: [] }
  // In turns, so that what else the machine does meets both.
  for (let n = 0; n < runs * requestsPerRun; n++) {
    times.direct.push(...(await timed(1, () => ask(direct))))
    times.piped.push(...(await timed(1, () => ask(piped))))
  }
  direct.close()
  return {
    id: 'pipe.added_ms',
    value: rounded(median(times.piped) - median(times.direct)),
    unit: 'ms',
    peer: { name: 'the same request without the pipe', value: rounded(median(times.direct)) },
    runs: times.piped.length,
  }
}
