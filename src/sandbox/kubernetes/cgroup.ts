import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cgroupMounts, cgroupName } from '../names.ts'

const copyFromRoot = (root: string, folder: string, name: string): void => {
  if (existsSync(`${root}/${name}`)) writeFileSync(`${folder}/${name}`, readFileSync(`${root}/${name}`))
}

/** On cgroup v2 a child has the controllers that its parent hands down. */
const handDown = (root: string): void => {
  for (const controller of readFileSync(`${root}/cgroup.controllers`, 'utf8').trim().split(' ').filter(Boolean)) {
    try {
      writeFileSync(`${root}/cgroup.subtree_control`, `+${controller}`)
    } catch {
      // Not every controller can be handed down (cpu with realtime processes): the kubelet names what it misses.
    }
  }
}

/**
 * Makes the cgroup below which the kubelet puts all pods: kubelets that share a machine would otherwise share /kubepods and remove each other's pods.
 * @returns its name for the kubelet, such as `/telpher-1a2b3c4d`
 */
export const makeCgroup = (id: string): string => {
  for (const { path, version } of cgroupMounts()) {
    const folder = `${path}/${cgroupName(id)}`
    if (version === 2) handDown(path)
    mkdirSync(folder, { recursive: true })
    // A cpuset of version 1 begins empty, and takes no process before it has processors and memory.
    for (const name of ['cpuset.cpus', 'cpuset.mems']) if (version === 1) copyFromRoot(path, folder, name)
  }
  return `/${cgroupName(id)}`
}
