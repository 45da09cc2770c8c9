import { createConnection } from 'node:net'
import { type Child, startChild, untilReady } from './child.ts'
import { freePort } from './ports.ts'
import { claimState } from './state.ts'

/** A redis-server of our own. */
export interface Redis {
  readonly url: string
  readonly port: number
  pid(): number
  /** Sends a signal: KILL for a crash, STOP and CONT for a hang. After KILL resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>
  /** Starts it again, after stopping it if it runs, on the same port with the same data; resolves when it serves. */
  restart(): Promise<void>
  /** One command, such as `command('CONFIG', 'GET', 'appendonly')`. @returns the raw answer (RESP) */
  command(...words: string[]): Promise<string>
  stop(): Promise<void>
}

/** One command on a connection of its own; enough for set-up, where the client library would be a heavy start. */
export const askRedis = (port: number, words: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    let answer = ''
    socket.setTimeout(2000, () => socket.destroy(new Error('redis does not answer')))
    socket.once('error', reject)
    socket.on('data', (part) => {
      answer += part.toString()
    })
    socket.once('end', () => resolve(answer))
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')
    socket.end(`*${words.length}\r\n${parts}*1\r\n$4\r\nQUIT\r\n`)
  })

const settings = (port: number, dir: string): Record<string, string> => ({
  port: String(port),
  bind: '127.0.0.1',
  dir,
  save: '',
  appendonly: 'yes',
  'maxmemory-policy': 'noeviction',
  // Owning all slots it serves like a single server, but refuses scripts across slots: what breaks on a cluster breaks here.
  'cluster-enabled': 'yes',
  // Its title would overwrite the environment, by which leftovers are found.
  'set-proc-title': 'no',
})

/** The slots of a cluster. */
export const slotCount = 16_384

/** The program, such as another one that speaks as Redis does. */
export const redisProgram = (): string => process.env['TELPHER_REDIS_SERVER'] ?? 'redis-server'

/**
 * Starts redis-server as a child, with an append-only file and cluster mode, owning all slots.
 * @param options.dir state folder: data and log; the same folder and port again keep slots and data
 * @param options.port free one by default
 * @param options.config more settings, such as `{appendonly: 'no'}`
 * @param options.slots the first and last one that it owns in a cluster of several, or none of them; it need not be whole to be ready
 * @throws Error with the end of its log when it does not serve within 10 s
 */
export const startRedis = async (options: {
  readonly dir: string
  readonly port?: number
  readonly config?: Readonly<Record<string, string>>
  readonly slots?: readonly [first: number, last: number] | 'none'
  readonly temporary?: boolean
}): Promise<Redis> => {
  const { slots = [0, slotCount - 1] } = options
  const state = await claimState(options.dir, { temporary: options.temporary ?? false })
  const port = options.port ?? (await freePort())
  const args = Object.entries({ ...settings(port, state.dir), ...options.config }).flatMap(([name, value]) => [`--${name}`, value])
  let child: Child | undefined
  const start = async (): Promise<void> => {
    const started = startChild(state, { name: 'redis', file: redisProgram(), args })
    child = started
    await untilReady(started, 10_000, async () => {
      const info = await askRedis(port, ['CLUSTER', 'INFO'])
      if (info.includes('cluster_state:ok') || info.includes('support disabled')) return true
      if (slots === 'none') return info.includes('cluster_state:')
      if (!info.includes('cluster_slots_assigned:0')) return options.slots !== undefined && info.includes('cluster_state:')
      await askRedis(port, ['CLUSTER', 'ADDSLOTSRANGE', ...slots.map(String)])
      return false
    })
  }
  const end = async (): Promise<void> => {
    child?.kill('SIGCONT')
    await child?.stop()
  }
  try {
    await start()
  } catch (error) {
    state.release()
    throw error
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: () => child?.pid ?? 0,
    kill: async (signal) => {
      child?.kill(signal)
      if (signal === 'SIGKILL') await child?.exited
    },
    restart: async () => {
      await end()
      await start()
    },
    command: (...words) => askRedis(port, words),
    stop: async () => {
      await end()
      state.release()
    },
  }
}
