import { estimate } from '../progress.ts'
import { missingBinaries } from './binaries.ts'
import { findGo } from './go.ts'
import { missingPackages } from './packages.ts'
import { type BinaryName, binaryNames } from './versions.ts'

export type NodeKind = 'real' | 'kwok' | 'none'

/** What this machine lacks. */
export interface SetupPlan {
  readonly packages: readonly string[]
  readonly go: boolean
  readonly binaries: readonly BinaryName[]
}

/** Milliseconds on two cores with an empty build cache: the first program of Kubernetes compiles what the others share. */
const buildTimes: Readonly<Record<BinaryName, number>> = {
  kubectl: 80_000,
  'kube-apiserver': 90_000,
  'kube-controller-manager': 50_000,
  'kube-scheduler': 15_000,
  kubelet: 45_000,
  etcd: 25_000,
  kwok: 70_000,
  helm: 60_000,
}

/** Milliseconds that a stage of the set-up is expected to take when it never ran here. */
export const expected = {
  packages: 45_000,
  go: 20_000,
  binary: (name: BinaryName): number => buildTimes[name],
} as const

const needed = (node: NodeKind): BinaryName[] =>
  binaryNames.filter((name) => (name !== 'kwok' || node === 'kwok') && (name !== 'kubelet' || node === 'real'))

/** Looks at what is there; some ten milliseconds when all is. */
export const makePlan = async (nodes: readonly NodeKind[]): Promise<SetupPlan> => {
  const binaries = missingBinaries([...new Set(nodes.flatMap(needed))])
  const go = binaries.length > 0 && (await findGo()) === undefined
  return { packages: await missingPackages(nodes.includes('real')), go, binaries }
}

/** Whether nothing is missing. */
export const isReady = (plan: SetupPlan): boolean => plan.packages.length === 0 && !plan.go && plan.binaries.length === 0

/** The plan for a person to read before it starts: what, how long, how much disk. */
export const describe = (plan: SetupPlan): string => {
  const total =
    (plan.packages.length > 0 ? estimate('packages', expected.packages) : 0) +
    (plan.go ? estimate('go', expected.go) : 0) +
    plan.binaries.reduce((sum, name) => sum + estimate(name, expected.binary(name)), 0)
  const gigabytes = 0.3 * Number(plan.packages.length > 0) + 0.3 * Number(plan.go) + (plan.binaries.length > 0 ? 3 : 0)
  const lines = [
    'The sandbox needs some things that this machine lacks:',
    ...(plan.packages.length > 0 ? [`  packages of the distribution, without starting their services: ${plan.packages.join(' ')}`] : []),
    ...(plan.go ? ['  the Go toolchain, into the cache'] : []),
    ...(plan.binaries.length > 0
      ? [`  programs, downloaded where their publisher can be reached, else built from source: ${plan.binaries.join(' ')}`]
      : []),
    `It takes at most about ${Math.max(1, Math.ceil(total / 60_000))} minutes and ${gigabytes.toFixed(1)} GB of disk, once.`,
  ]
  return lines.join('\n')
}
