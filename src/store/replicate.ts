import type { RedisWait } from '../model/redis-address.ts'
import type { Client, Connection } from './connection.ts'
import { replicatedKey } from './keys.ts'

/** Waits until replicas have what was written last; never throws, and says whether they have. */
export type Replicate = (keys: readonly string[]) => Promise<boolean>

const markMs = 1000

/** A pipeline goes to the master of its first key, its commands without keys with it. */
const ask = async (client: Client, key: string, command: readonly [string, ...(string | number)[]], write: boolean): Promise<unknown> => {
  const all = client.pipeline()
  if (write) all.set(key, '1', 'PX', markMs)
  else all.exists(key)
  const answers = await all.call(...command).exec()
  for (const [error] of answers ?? []) if (error !== null) throw error
  return answers?.[1]?.[1]
}

const online = (info: string): number => [...info.matchAll(/^slave\d+:.*state=online/gm)].length

/**
 * What the API answers for is to outlive the master that took it: replicas, where there are any, are waited for with WAIT
 * (redis.io/docs/latest/commands/wait). It holds up whatever follows it on its connection, so it has one of its own; that is behind the
 * writes of the other one, since it writes itself, after them.
 * @param wait how many replicas, 0 for not at all, and how long, in ms: after that what was written stands, and a line in the log says so
 */
export const createReplicate = (connection: Connection, wait: RedisWait, log: (line: object) => void): Replicate => {
  let own: Client | undefined
  const client = (): Client => {
    own ??= connection.blocking()
    return own
  }
  const confirmed = async (key: string): Promise<boolean> => {
    const there = online(String(await ask(client(), key, ['INFO', 'replication'], false)))
    const wanted = Math.min(wait.replicas, there)
    return wanted === 0 || Number(await ask(client(), key, ['WAIT', wanted, wait.ms], true)) >= wanted
  }
  connection.closed.addEventListener('abort', () => own?.disconnect(), { once: true })
  return async (keys) => {
    if (wait.replicas === 0 || connection.closed.aborted) return true
    const marks = [...new Set(keys.map(replicatedKey))]
    // A master that goes away meanwhile is waited for no longer than its replicas.
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), 2 * wait.ms)
    })
    const answers = Promise.all(marks.map(confirmed)).then((all) => all.every(Boolean))
    const isThere = await Promise.race([answers.catch(() => false), late])
    clearTimeout(timer)
    if (!isThere) log({ level: 'warn', msg: 'no replica confirmed in time what was stored: a fail-over now may lose it', keys: marks })
    return isThere
  }
}
