import type { WorkerRecord } from '../model/worker.ts'
import type { Connection } from './connection.ts'
import { workerKeys } from './keys.ts'
import type { StoreLimits, Workers } from './types.ts'

const keys = [workerKeys.records, workerKeys.seen]

/** The workers as they were last heard, by the clock of Redis. */
export const createWorkers = (connection: Connection, limits: StoreLimits): Workers => ({
  beat: async (record) => {
    const answer = await connection.script('beat', keys, [record.id, JSON.stringify(record), limits.workerMs])
    return { drainAsked: answer === 1 }
  },
  list: async () => {
    const flat = (await connection.script('list-workers', keys, [])) as string[]
    return Array.from({ length: flat.length / 3 }, (_, index) => ({
      ...(JSON.parse(flat[index * 3 + 2] ?? '{}') as WorkerRecord),
      seenAt: Number(flat[index * 3 + 1]),
    }))
  },
  askDrain: async (id) => (await connection.script('ask-drain', [workerKeys.records], [id])) === 1,
  remove: async (id) => {
    await connection.call((redis) => redis.multi().hdel(workerKeys.records, id, `${id}#drain`).zrem(workerKeys.seen, id).exec())
  },
  now: () => connection.now(workerKeys.seen),
})
