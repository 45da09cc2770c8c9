import type { Cluster, ClusterConnection } from '../../../src/model/ports.ts'
import type { Target } from '../../../src/model/target.ts'
import { startPipes } from '../../support/pipes.ts'
import { sharedRedis } from '../../support/sandbox.ts'
import { connectionSuite, type Way } from './connection-suite.ts'

/** A connection to a target that is still being stored: its requests wait for that. */
const whenStored = (target: Promise<Target>, connect: (target: Target) => ClusterConnection): ClusterConnection => {
  const connection = target.then(connect)
  return {
    credentialId: '',
    request: async (asked) => (await connection).request(asked),
    upgrade: async (asked) => (await connection).upgrade(asked),
    close: () => void connection.then(({ close }) => close()),
  }
}

connectionSuite(async () => {
  const pipes = await startPipes(await sharedRedis())
  const over =
    ({ connect }: Cluster): Way['connect'] =>
    (trust, credential) =>
      whenStored(pipes.target(trust.server, trust), (target) => connect(target, credential))
  return { connect: over(pipes.cluster), createConnector: () => over(pipes.newCluster()), stop: pipes.stop }
})
