import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { type Child, startChild, untilReady } from '../child.ts'
import { freePort } from '../ports.ts'
import { run } from '../run.ts'
import { binaryPath } from '../setup/binaries.ts'
import { keepKernelSettings, type State } from '../state.ts'
import { makeCgroup } from './cgroup.ts'
import type { ControlPlane } from './controlPlane.ts'
import { nodesReady } from './fakeNodes.ts'
import { makeNodeNetwork, type NodeNetwork } from './nodeNetwork.ts'
import { pauseImage, testImagesArchive } from './testImages.ts'

/** Everything below the state's folder, so that it goes with it; containerd 1.6 and 1.7 read version 2. */
const containerdConfig = (state: State, network: NodeNetwork): string => `version = 2
root = "${state.dir}/containerd/root"
state = "${state.runDir}/containerd"
[grpc]
  address = "${state.runDir}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${state.dir}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # Where CAP_SYS_RESOURCE is missing runc dies without it: "can't get final child's PID from pipe".
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${network.configDir}"
`

const kubeletConfig = (state: State, network: NodeNetwork, port: number): object => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: network.nodeIp,
  port,
  healthzPort: 0,
  authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: `${state.dir}/ca.crt` } },
  authorization: { mode: 'Webhook' },
  cgroupDriver: 'cgroupfs',
  cgroupRoot: makeCgroup(state.id),
  containerRuntimeEndpoint: `unix://${state.runDir}/containerd.sock`,
  enforceNodeAllocatable: [],
  // A machine with a nearly full disk or memory must not evict the sandbox's pods or its images, which nobody could pull again.
  evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
  failSwapOn: false,
  makeIPTablesUtilChains: false,
  podLogsDir: `${state.dir}/pods`,
  volumePluginDir: `${state.dir}/volume-plugins`,
  resolvConf: '',
})

const startContainerd = async (state: State, network: NodeNetwork): Promise<Child> => {
  const config = `${state.dir}/containerd.toml`
  writeFileSync(config, containerdConfig(state, network))
  const child = startChild(state, { name: 'containerd', file: 'containerd', args: ['--config', config] })
  const ctr = ['--address', `${state.runDir}/containerd.sock`, '--namespace', 'k8s.io']
  await untilReady(child, 30_000, async () => (await run('ctr', [...ctr, 'version'])) !== '')
  await run('ctr', [...ctr, 'images', 'import', await testImagesArchive()])
  return child
}

const startKubelet = (state: State, control: ControlPlane, network: NodeNetwork, port: number): Child => {
  const config = `${state.dir}/kubelet.json`
  writeFileSync(config, JSON.stringify(kubeletConfig(state, network, port)))
  const kubeconfig = control.writeKubeconfig('system:node:node1', ['system:nodes'])
  const args = [`--kubeconfig=${kubeconfig}`, `--config=${config}`, '--hostname-override=node1', `--node-ip=${network.nodeIp}`]
  const folders = [`--root-dir=${state.dir}/kubelet`, `--cert-dir=${state.dir}/kubelet/pki`]
  return startChild(state, { name: 'kubelet', file: binaryPath('kubelet'), args: [...args, ...folders] })
}

/**
 * Starts containerd and a kubelet as the node `node1`, with the images of testImages.ts, and waits until it is ready.
 * @throws Error with the end of the log of the part that does not come up
 */
export const startRealNode = async (state: State, control: ControlPlane): Promise<{ stop(): Promise<void> }> => {
  mkdirSync(`${state.dir}/kubelet`, { recursive: true })
  if (!existsSync('/usr/lib/cni/bridge')) throw new Error('the CNI plugins are not in /usr/lib/cni: install containernetworking-plugins')
  await keepKernelSettings()
  const network = await makeNodeNetwork(state)
  const containerd = await startContainerd(state, network)
  const kubelet = startKubelet(state, control, network, await freePort())
  await untilReady(kubelet, 90_000, () => nodesReady(control, 1))
  return {
    // Containers are not asked to end one by one: the sweep kills them by their cgroup.
    stop: async () => {
      await kubelet.stop(500)
      await containerd.stop(500)
    },
  }
}
