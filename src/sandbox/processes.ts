import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { TelpherError } from '../model/errors.ts'

/** A server or worker of the sandbox: a process of its own, so that it can be killed like in real life. */
export interface TelpherProcess {
  readonly pid: number
  readonly logFile: string
  readonly exited: Promise<number | null>
  kill(signal: NodeJS.Signals): void
  /** TERM, then KILL when it does not end in time. */
  stop(graceMs?: number): Promise<void>
}

export interface Endpoint {
  readonly url: string
  readonly tokenFile: string
  readonly pid: number
}

const ownCli = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

const launch = (args: readonly string[], env: Readonly<Record<string, string>>, logFile: string, cli: string = ownCli): TelpherProcess => {
  const log = openSync(logFile, 'a')
  const child: ChildProcess = spawn(process.execPath, [cli, ...args], {
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
    stdio: ['ignore', log, log],
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  return {
    pid: child.pid ?? 0,
    logFile,
    exited,
    kill: (signal) => {
      child.kill(signal)
    },
    async stop(graceMs = 10_000) {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      await exited
      clearTimeout(timer)
    },
  }
}

/** What the processes of one sandbox share. */
export interface ProcessOptions {
  /** Data folder: key, token, endpoint and logs. */
  readonly dir: string
  readonly redisUrl: string
  readonly dockerSocket: string
  readonly shimPath: string
  /** The CLI of another checkout that is to be started; this one's when absent. */
  readonly cli?: string
  /** More TELPHER_ variables. */
  readonly env?: Readonly<Record<string, string>>
}

const environment = (options: ProcessOptions): Record<string, string> => ({
  TELPHER_DATA_DIR: options.dir,
  TELPHER_REDIS_URL: options.redisUrl,
  TELPHER_DOCKER_SOCKET: options.dockerSocket,
  TELPHER_SHIM: options.shimPath,
  // Its clusters are on this host.
  TELPHER_TARGET_NETWORKS: '127.0.0.0/8,::1',
  ...options.env,
})

const lastLines = (file: string): string => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-5).join('\n')

/**
 * Starts a server process and waits until it listens.
 * @param port 0 for a free one
 * @throws TelpherError server_unreachable with the last lines of its log when it ends or does not come up within 60 s
 */
export const startServerProcess = async (options: ProcessOptions, port = 0): Promise<TelpherProcess & Endpoint> => {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  const endpointFile = `${options.dir}/endpoint.json`
  rmSync(endpointFile, { force: true })
  const started = launch(
    ['server', 'start'],
    { ...environment(options), TELPHER_PORT: String(port) },
    `${options.dir}/server.log`,
    options.cli,
  )
  let ended = false
  void started.exited.then(() => {
    ended = true
  })
  for (const end = performance.now() + 60_000; performance.now() < end && !ended; await pause(20)) {
    try {
      const endpoint = JSON.parse(readFileSync(endpointFile, 'utf8')) as Endpoint
      return { ...started, ...endpoint }
    } catch {
      // Not written yet.
    }
  }
  await started.stop(0)
  throw new TelpherError('server_unreachable', `the server did not start; the end of its log:\n${lastLines(started.logFile)}`)
}

/** Starts a worker process; it is there when the server lists it. */
export const startWorkerProcess = (options: ProcessOptions, name: string): TelpherProcess => {
  mkdirSync(options.dir, { recursive: true, mode: 0o700 })
  return launch(['worker', 'start'], { ...environment(options), TELPHER_WORKER_NAME: name }, `${options.dir}/${name}.log`, options.cli)
}
