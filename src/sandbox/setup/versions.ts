import { type Architecture, architecture } from '../paths.ts'

/**
 * What the sandbox is made of. Kubernetes 1.34 is the newest whose kubelet still takes cgroup v1 hosts without a flag;
 * etcd must be 3.5.13 or newer, else the API server turns streamed lists off and newer clients ask for them for ever.
 */
export const versions = {
  kubernetes: '1.34.4',
  etcd: '3.6.5',
  kwok: '0.8.0',
  helm: '4.2.4',
  go: '1.26.8',
} as const

/** The oldest Go that builds all of them. */
export const oldestGo = '1.26'

/** Every program that the sandbox starts or puts into the execution image. */
export const binaryNames = [
  'kubectl',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'etcd',
  'kwok',
  'helm',
] as const

export type BinaryName = (typeof binaryNames)[number]

/** One version of a program, for one architecture. */
export interface Program {
  readonly name: BinaryName
  readonly version: string
  readonly arch: Architecture
}

const versionOf = (name: BinaryName): string =>
  name === 'etcd' || name === 'kwok' || name === 'helm' ? versions[name] : versions.kubernetes

/** The program that the sandbox itself starts. */
export const sandboxProgram = (name: BinaryName): Program => ({ name, version: versionOf(name), arch: architecture() })

/** Name of a program's folder in the cache: a new version is a new folder, so an old one is never taken for it. */
export const programKey = ({ name, version, arch }: Program): string => `${name}-v${version}${arch === architecture() ? '' : `-${arch}`}`
