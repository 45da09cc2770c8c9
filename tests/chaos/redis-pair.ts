import { setTimeout as pause } from 'node:timers/promises'
import { type Redis, startRedis } from '../../src/sandbox/redis.ts'
import { eventually } from '../support/eventually.ts'
import { type Cuttable, cuttable } from './cuttable.ts'

/** A Redis and its replica; everybody reaches whichever of them serves, as behind a virtual address. */
export interface RedisPair extends Pick<Redis, 'kill' | 'restart' | 'command'> {
  /** A way to the one that serves, for one process. */
  way(): Promise<Cuttable>
  /**
   * The master dies with what it took in its last moments, and the replica serves in its place; then the old one follows it.
   * @param lostMs how much of what was acknowledged is lost, in ms
   * @param downMs until the replica serves
   */
  failover(lostMs: number, downMs: number): Promise<void>
  stop(): Promise<void>
}

/** Replication needs a Redis without cluster mode. */
const config = { appendfsync: 'always', 'cluster-enabled': 'no' }

export const startRedisPair = async (dir: string): Promise<RedisPair> => {
  let master = await startRedis({ dir: `${dir}/a`, temporary: true, config })
  let replica = await startRedis({ dir: `${dir}/b`, temporary: true, config })
  const ways: Cuttable[] = []
  /** By which the replica follows. */
  let link = await cuttable(master.port)
  const follow = async (): Promise<void> => {
    await replica.command('REPLICAOF', '127.0.0.1', String(link.port))
    await eventually(async () => (await replica.command('INFO', 'replication')).includes('master_link_status:up'), 30_000, 50)
  }
  await follow()
  return {
    kill: (signal) => master.kill(signal),
    restart: () => master.restart(),
    command: (...words) => master.command(...words),
    way: async () => {
      const way = await cuttable(master.port)
      ways.push(way)
      return way
    },
    failover: async (lostMs, downMs) => {
      link.cut()
      await pause(lostMs)
      await master.kill('SIGKILL')
      for (const way of ways) way.cut()
      await pause(downMs)
      await replica.command('REPLICAOF', 'NO', 'ONE')
      ;[master, replica] = [replica, master]
      for (const way of ways) way.mend(master.port)
      await link.close()
      link = await cuttable(master.port)
      await replica.restart()
      await follow()
    },
    stop: async () => {
      await Promise.all([...ways, link].map((way) => way.close()))
      await Promise.all([master.stop(), replica.stop()])
    },
  }
}
