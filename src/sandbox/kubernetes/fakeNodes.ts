import { fileURLToPath } from 'node:url'
import { type Child, startChild, untilReady } from '../child.ts'
import { binaryPath } from '../setup/binaries.ts'
import type { State } from '../state.ts'
import type { ControlPlane } from './controlPlane.ts'
import { mustAnswer } from './request.ts'

const stages = fileURLToPath(new URL('./stages.yaml', import.meta.url))
const capacity = { cpu: '256', memory: '1Ti', pods: '1000' }

const node = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    annotations: { 'kwok.x-k8s.io/node': 'fake' },
    labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', type: 'kwok' },
  },
  status: { capacity, allocatable: capacity },
})

/**
 * Starts kwok with three nodes on which pods become ready at once without any container.
 * @throws Error with the end of its log when a node is not ready within 30 s
 */
export const startFakeNodes = async (state: State, control: ControlPlane): Promise<Child> => {
  const kubeconfig = control.writeKubeconfig('kwok', ['system:masters'])
  const args = [
    `--kubeconfig=${kubeconfig}`,
    `--config=${stages}`,
    '--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake',
    '--node-lease-duration-seconds=40',
  ]
  const child = startChild(state, { name: 'kwok', file: binaryPath('kwok'), args })
  for (const name of ['kwok-1', 'kwok-2', 'kwok-3']) await mustAnswer(control.api, 'POST', '/api/v1/nodes', node(name))
  await untilReady(child, 30_000, () => nodesReady(control, 3))
  return child
}

interface NodeList {
  readonly items: readonly {
    readonly spec: { readonly taints?: readonly object[] }
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
  }[]
}

/** Whether so many nodes are ready and carry no taint any more, which the controller-manager takes off a moment later. */
export const nodesReady = async (control: ControlPlane, count: number): Promise<boolean> => {
  const { items } = (await mustAnswer(control.api, 'GET', '/api/v1/nodes')) as NodeList
  const ready = items.filter(
    ({ spec, status }) =>
      (spec.taints ?? []).length === 0 && status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
  )
  return ready.length >= count
}
