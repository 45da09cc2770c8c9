import { mkdirSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { withLock } from '../lock.ts'
import { bridgeName, networkName, nodeDevice } from '../names.ts'
import { cacheDir } from '../paths.ts'
import { run } from '../run.ts'
import type { State } from '../state.ts'

export interface NodeNetwork {
  /** The node's own address: the kubelet takes no loopback address. */
  readonly nodeIp: string
  /** Folder with the CNI configuration. */
  readonly configDir: string
}

interface Route {
  readonly dst: string
}

const isTaken = (prefix: string, routes: readonly Route[]): boolean =>
  routes.some(({ dst }) => dst.startsWith(prefix)) ||
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address.startsWith(prefix)))

/** Two adjacent /24 of 198.18.0.0/15, the range that RFC 2544 keeps free of real hosts: one for the node, one for pods. */
const choosePair = (routes: readonly Route[]): { node: string; pods: string } => {
  for (let third = 0; third < 254; third += 2) {
    const [node, pods] = [`198.18.${third}.`, `198.18.${third + 1}.`]
    if (!isTaken(node, routes) && !isTaken(pods, routes)) return { node, pods }
  }
  throw new Error('no free network in 198.18.0.0/16 is left for a node')
}

/** No masquerading and no port mapping: pods need no way out, and so no firewall rule is ever made. */
const cniConfig = (state: State, pods: string): object => ({
  cniVersion: '0.4.0',
  name: networkName(state.id),
  plugins: [
    {
      type: 'bridge',
      bridge: bridgeName(state.id),
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: `${state.dir}/cni/addresses`,
        ranges: [[{ subnet: `${pods}0/24` }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
})

/**
 * Makes the device with the node's address and the bridge for pods, both named after the state, in ranges that nothing on this machine uses.
 * @throws Error when the devices cannot be made (root is needed)
 */
export const makeNodeNetwork = (state: State): Promise<NodeNetwork> =>
  withLock(`${cacheDir()}/states/network.lock`, async () => {
    const routes = JSON.parse((await run('ip', ['-json', 'route', 'show', 'table', 'all'])) || '[]') as Route[]
    const { node, pods } = choosePair(routes)
    const device = nodeDevice(state.id)
    const bridge = bridgeName(state.id)
    await run('ip', ['link', 'add', device, 'type', 'dummy']).catch(() => run('ip', ['link', 'add', device, 'type', 'bridge']))
    await run('ip', ['addr', 'add', `${node}1/32`, 'dev', device])
    await run('ip', ['link', 'set', device, 'up'])
    // The plugin would make it with the first pod; made now, its range is taken before another node chooses.
    await run('ip', ['link', 'add', bridge, 'type', 'bridge'])
    await run('ip', ['addr', 'add', `${pods}1/24`, 'dev', bridge])
    await run('ip', ['link', 'set', bridge, 'up'])
    const configDir = `${state.dir}/cni/net.d`
    mkdirSync(configDir, { recursive: true })
    writeFileSync(`${configDir}/10-bridge.conflist`, JSON.stringify(cniConfig(state, pods)))
    return { nodeIp: `${node}1`, configDir }
  })
