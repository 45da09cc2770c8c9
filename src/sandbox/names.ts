import { readFileSync } from 'node:fs'

/** The bridge that pods hang on; at most 15 bytes, as the kernel has it. */
export const bridgeName = (id: string): string => `tlb-${id}`

/** The device that holds the node's own address. */
export const nodeDevice = (id: string): string => `tln-${id}`

/** All network devices of a state. */
export const deviceNames = (id: string): string[] => [bridgeName(id), nodeDevice(id)]

/** The CNI network of a state's pods. */
export const networkName = (id: string): string => `telpher-${id}`

/** The cgroup, below the root of each hierarchy, that holds all containers of a state. */
export const cgroupName = (id: string): string => `telpher-${id}`

/** Where the hierarchies are mounted: one for cgroup v2, several for v1. */
export const cgroupMounts = (): { path: string; version: 1 | 2 }[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [before = '', after = ''] = line.split(' - ')
      const type = after.split(' ')[0]
      const path = before.split(' ')[4]
      if (path === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return []
      return [{ path, version: type === 'cgroup2' ? 2 : 1 }]
    })

/** The folders of a state's cgroup in all hierarchies, made or not. */
export const cgroupPaths = (id: string): string[] => cgroupMounts().map(({ path }) => `${path}/${cgroupName(id)}`)
