import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type Child, startChild, untilReady } from './child.ts'
import { engineAnswers, usualSocket } from './dockerEngine.ts'
import { ensureExecImage } from './execImage.ts'
import { cgroupName } from './names.ts'
import { cacheDir } from './paths.ts'
import { identify } from './procfs.ts'
import { type State, tryClaimState } from './state.ts'

/** A Docker engine for execution containers. */
export interface Docker {
  readonly socketPath: string
  /** Whether it is our own child, which may be killed and restarted. */
  readonly started: boolean
  /** Where our own engine keeps images and containers. */
  readonly dataDir?: string
  /** Sends a signal to our own engine; after KILL resolves when it is gone. @throws Error when the engine is not ours */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts our own engine again, after stopping it if it runs; images stay. @throws Error when the engine is not ours */
  restart(): Promise<void>
  stop(): Promise<void>
}

/**
 * Folders for the engine's images are kept in the cache, one for each engine that runs at the same time, so that a second run finds the images
 * of the first: an engine takes the first free one.
 */
const claimSlot = async (): Promise<State> => {
  for (let number = 0; ; number++) {
    const state = await tryClaimState(`${cacheDir()}/docker/${number}`)
    if (state === undefined) continue
    rmSync(`${state.dir}/log`, { recursive: true, force: true })
    return state
  }
}

/**
 * Execution containers have no network, so the engine makes no bridge and no firewall rule, and cannot clash with another one.
 * The user's daemon.json is not read: a setting that is there and on the command line would stop the engine.
 */
const dockerdArgs = (state: State, socketPath: string): string[] => {
  const config = `${state.dir}/daemon.json`
  writeFileSync(config, '{}')
  const roots = [`--config-file=${config}`, `--data-root=${state.dir}/data`, `--exec-root=${state.runDir}/exec`]
  const names = [
    `--pidfile=${state.runDir}/docker.pid`,
    `--host=unix://${socketPath}`,
    '--group=root',
    `--containerd-namespace=${cgroupName(state.id)}`,
  ]
  const cgroups = ['--exec-opt=native.cgroupdriver=cgroupfs', `--cgroup-parent=/${cgroupName(state.id)}`]
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false']
  return [...roots, ...names, ...cgroups, ...network, '--live-restore=false', '--shutdown-timeout=2']
}

const isContainerd = (pid: number): boolean => {
  try {
    return identify(pid) !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'containerd'
  } catch {
    return false
  }
}

/** A containerd whose engine was killed is gone well before this, in ms. */
const dyingMs = 10_000

/**
 * A killed engine takes its containerd along but leaves its pid file. While that one is dying, or nobody has reaped it, or when another process
 * has its number by now, the next engine takes it for a living one and waits for it in vain.
 */
const forgetDeadContainerd = async (state: State): Promise<void> => {
  const pidFile = `${state.runDir}/exec/containerd/containerd.pid`
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'))
    for (const end = performance.now() + dyingMs; isContainerd(pid) && performance.now() < end; ) await pause(50)
    if (!isContainerd(pid)) rmSync(pidFile)
  } catch {
    // No pid file: no containerd was started before.
  }
}

/** A disk in memory: images of another engine in this folder are hidden, and there again after the sweep has unmounted it. */
const mountDisk = (dataDir: string, bytes: number): void => {
  mkdirSync(dataDir, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', dataDir])
}

const startOwn = async (diskBytes?: number): Promise<Docker> => {
  const state = await claimSlot()
  const dataDir = `${state.dir}/data`
  const socketPath = `${state.runDir}/docker.sock`
  let child: Child | undefined
  const start = async (): Promise<void> => {
    await forgetDeadContainerd(state)
    const started = startChild(state, { name: 'dockerd', file: 'dockerd', args: dockerdArgs(state, socketPath) })
    child = started
    await untilReady(started, 30_000, () => engineAnswers(socketPath))
  }
  try {
    if (diskBytes !== undefined) mountDisk(dataDir, diskBytes)
    await start()
  } catch (error) {
    state.release()
    throw error
  }
  return {
    socketPath,
    started: true,
    dataDir,
    kill: async (signal) => {
      child?.kill(signal)
      if (signal === 'SIGKILL') await child?.exited
    },
    restart: async () => {
      child?.kill('SIGCONT')
      await child?.stop()
      await start()
    },
    stop: async () => {
      child?.kill('SIGCONT')
      await child?.stop(8000)
      state.release()
    },
  }
}

const notOurs = (): Promise<never> => Promise.reject(new Error('this Docker engine was not started by the sandbox: ask for an own one'))

export interface DockerOptions {
  /** Always start one, for tests that kill it. */
  readonly own?: boolean
  /** A disk of its own for images and containers, of so many bytes, for tests that fill it. */
  readonly diskBytes?: number
  /** False leaves the execution image out. */
  readonly images?: boolean
}

/**
 * A Docker engine that has the execution image: the one that answers on DOCKER_HOST or /var/run/docker.sock, else our own child.
 * @throws Error with the end of its log when dockerd does not come up within 30 s (it needs root)
 */
export const ensureDocker = async (options: DockerOptions = {}): Promise<Docker> => {
  const usual = usualSocket()
  const docker: Docker =
    options.own !== true && (await engineAnswers(usual))
      ? { socketPath: usual, started: false, kill: notOurs, restart: notOurs, stop: () => Promise.resolve() }
      : await startOwn(options.diskBytes)
  try {
    if (options.images !== false) await ensureExecImage(docker.socketPath)
    return docker
  } catch (error) {
    await docker.stop()
    throw error
  }
}
