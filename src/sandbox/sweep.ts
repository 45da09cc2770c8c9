import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from 'node:fs'
import { cgroupPaths, deviceNames, networkName } from './names.ts'
import { identify } from './procfs.ts'

/** Name of the environment variable that every process started for a state carries, and hands on to its own children. */
export const marker = 'TELPHER_SANDBOX'

const pause = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

const markedPids = (id: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false
      try {
        return `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`.includes(`\0${marker}=${id}\0`) && identify(pid) !== undefined
      } catch {
        return false
      }
    })

const foldersBelow = (path: string): string[] =>
  existsSync(path)
    ? [
        ...readdirSync(path, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .flatMap(({ name }) => foldersBelow(`${path}/${name}`)),
        path,
      ]
    : []

const pidsIn = (cgroup: string): number[] => {
  try {
    return readFileSync(`${cgroup}/cgroup.procs`, 'utf8').split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

const kill = (pid: number): void => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** Containers do not carry the marker (their environment is their own): their cgroup names the state. */
const killEverything = (id: string): void => {
  for (let round = 0; round < 200; round++) {
    const pids = [...markedPids(id), ...cgroupPaths(id).flatMap(foldersBelow).flatMap(pidsIn)]
    if (pids.length === 0) return
    for (const pid of new Set(pids)) kill(pid)
    pause(20)
  }
}

const quietly = (work: () => void): void => {
  try {
    work()
  } catch {
    // What is left over will be met again by the next sweep.
  }
}

const removeCgroups = (id: string): void => {
  for (const folder of cgroupPaths(id).flatMap(foldersBelow)) quietly(() => rmdirSync(folder))
}

const mountsBelow = (dir: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path.startsWith(`${dir}/`))
    .reverse()

const unmount = (dir: string): void => {
  for (const path of mountsBelow(dir)) quietly(() => execFileSync('umount', ['--lazy', path], { stdio: 'ignore' }))
}

const removeDevices = (id: string): void => {
  for (const name of deviceNames(id)) {
    if (existsSync(`/sys/class/net/${name}`)) quietly(() => execFileSync('ip', ['link', 'del', name], { stdio: 'ignore' }))
  }
}

/** Sockets of containerd's shims, in a folder that cannot be configured; each container's bundle names its own. */
const removeShimSockets = (dir: string): void => {
  const bundles = ['containerd', 'exec/containerd/daemon'].map((folder) => `${dir}/${folder}/io.containerd.runtime.v2.task/*/*/address`)
  for (const file of globSync(bundles)) quietly(() => rmSync(readFileSync(file, 'utf8').replace(/^unix:\/\//, '')))
}

/** Where the CNI library and the kubelet keep records outside any folder that can be configured. */
const removeRecords = (id: string, dir: string): void => {
  const results = '/var/lib/cni/results'
  for (const name of existsSync(results) ? readdirSync(results) : []) {
    if (name.startsWith(`${networkName(id)}-`)) quietly(() => rmSync(`${results}/${name}`))
  }
  const links = '/var/log/containers'
  for (const name of existsSync(links) ? readdirSync(links) : []) {
    quietly(() => {
      if (readlinkSync(`${links}/${name}`).startsWith(`${dir}/`)) rmSync(`${links}/${name}`)
    })
  }
}

/**
 * Ends and removes everything that bears the id of a state: processes, containers, cgroups, mounts, network devices. The folder's files stay.
 * Synchronous, so that it can run while the process exits; some ten milliseconds when there is nothing.
 */
export const sweep = (id: string, dirs: readonly string[]): void => {
  killEverything(id)
  removeCgroups(id)
  for (const dir of dirs) removeShimSockets(dir)
  for (const dir of dirs) unmount(dir)
  removeDevices(id)
  for (const dir of dirs) removeRecords(id, dir)
}
