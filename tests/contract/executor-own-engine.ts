import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { eventually } from '../support/eventually.ts'
import { connect } from './executor-engine.ts'

/** An engine that a test may kill: nobody else's containers are in it. */
export interface OwnEngine {
  readonly socketPath: string
  /** Resolves when it answers; may be called again after a kill. */
  start(): Promise<void>
  /** kill -9: its containers run on without it. */
  kill(): Promise<void>
  /** Ends it with its containers and removes its folder. */
  stop(): Promise<void>
}

export const ownEngine = (): OwnEngine => {
  const folder = mkdtempSync(`${tmpdir()}/telpher-engine-`)
  const socketPath = `${folder}/docker.sock`
  const folders = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/run`, '--pidfile', `${folder}/pid`]
  const quiet = ['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false', '--bridge=none']
  let engine: ChildProcess | undefined

  const ended = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const exit = once(child, 'exit')
    if (child.kill(signal)) await exit
  }

  const start = async (): Promise<void> => {
    // The containerd of a killed engine died with it; where nobody reaps it, its pid still looks alive and is waited for in vain.
    rmSync(`${folder}/run/containerd/containerd.pid`, { force: true })
    const log = openSync(`${folder}/log`, 'a')
    const child = spawn('dockerd', [...folders, ...quiet, '--host', `unix://${socketPath}`], { stdio: ['ignore', log, log] })
    engine = child
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(readFileSync(`${folder}/log`, 'utf8').slice(-2000))
      await connect(socketPath).ping()
      return true
    }, 60_000)
  }

  return {
    socketPath,
    start,
    kill: async () => {
      if (engine !== undefined) await ended(engine, 'SIGKILL')
    },
    stop: async () => {
      // Only a running engine ends the containers and the containerd that a killed one left.
      if (engine === undefined || engine.exitCode !== null || engine.signalCode !== null) await start()
      if (engine !== undefined) await ended(engine, 'SIGTERM')
      unmountBelow(folder)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

// A killed engine leaves its mounts: its data folder on itself, and the roots of its containers.
const unmountBelow = (folder: string): void => {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path.startsWith(`${folder}/`))
  for (const path of mounted.reverse()) execFileSync('umount', ['-l', path])
}
