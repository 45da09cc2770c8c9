import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from './eventually.ts'

const run = promisify(execFile)

/** A Redis of a test's own, that it may stop, kill and start again. */
export interface OwnRedis {
  readonly url: string
  /** kill -9; what was acknowledged is in the append-only file. */
  kill(): Promise<void>
  /** Starts it again on the same port with the same data; resolves when it serves. */
  start(): Promise<void>
  /** SIGSTOP and SIGCONT: connections stay, nothing answers. */
  freeze(): void
  thaw(): void
  /** One command, as redis-cli prints its answer. */
  cli(...args: string[]): Promise<string>
  stop(): Promise<void>
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    // The cluster bus takes the port 10000 above: both lie below what the system gives to outgoing connections,
    // so that nobody takes one while Redis is down.
    server.listen(11_000 + Math.floor(Math.random() * 11_000), '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port'))))
    })
  })

/**
 * Starts redis-server with an append-only file and cluster mode, owning all slots: it refuses scripts across slots.
 * @param options.extra more of its command line, such as `['--appendonly', 'no']`
 */
export const startOwnRedis = async (options: { readonly extra?: readonly string[] } = {}): Promise<OwnRedis> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-redis-'))
  const port = await eventually(() => freePort())
  let child: ChildProcess | undefined

  const cli = async (...args: string[]): Promise<string> => (await run('redis-cli', ['-p', String(port), ...args])).stdout.trim()
  const start = async (): Promise<void> => {
    const base = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      dir,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--cluster-enabled',
      'yes',
    ]
    child = spawn('redis-server', [...base, ...(options.extra ?? [])], { stdio: 'ignore' })
    await eventually(async () => (await cli('ping')) === 'PONG')
    const state = await cli('cluster', 'info')
    if (!state.includes('cluster_slots_assigned:16384')) await cli('cluster', 'addslotsrange', '0', '16383')
    await eventually(async () => (await cli('cluster', 'info')).includes('cluster_state:ok'))
  }
  const kill = async (): Promise<void> => {
    const dying = child
    child = undefined
    if (dying === undefined || dying.exitCode !== null) return
    const gone = new Promise((resolve) => dying.once('exit', resolve))
    dying.kill('SIGKILL')
    await gone
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    cli,
    stop: async () => {
      child?.kill('SIGCONT')
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
