import { rm } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { fillDisk } from './disk.ts'
import type { Installation } from './installation.ts'
import { runOutOfMemory } from './memory.ts'
import type { Fault } from './plan.ts'

/** What was asked for has reached the replica after this, in ms. */
const replicatedMs = 300

/** Containers of the workers, those with a job at work first. */
const containersOf = async ({ docker }: Installation): Promise<string[]> => {
  const found = await docker.listContainers({ filters: { label: ['telpher.pool=default'], status: ['running'] } })
  const counted = await Promise.all(
    found.map(async ({ Id }) => {
      const { Processes } = await docker.getContainer(Id).top()
      return { Id, count: (Processes as unknown[]).length }
    }),
  )
  return counted.toSorted((a, b) => b.count - a.count).map(({ Id }) => Id)
}

/** A program beside the job takes all memory that the container has: the kernel ends the job first. */
const exhaust = async ({ docker }: Installation, id: string): Promise<void> => {
  const hog = await docker.getContainer(id).exec({ Cmd: ['/bin/sh', '-c', 'tail /dev/zero'] })
  await hog.start({ Detach: true })
}

const killWorker = async (installation: Installation, index: number, forMs: number, end: () => Promise<unknown>): Promise<void> => {
  const worker = installation.worker(index)
  await end()
  worker.kill('SIGKILL')
  await worker.exited
  await pause(forMs)
  installation.startWorker(index)
}

/** Faults of the same subject are carried out one after the other. */
const subjectOf = ({ kind, index }: Fault): string => {
  if (kind.startsWith('worker-')) return `worker ${index}`
  if (kind.startsWith('server-')) return `server ${index}`
  // Only a Redis that is there can be told to close its connections.
  if (kind === 'client-kill') return 'redis'
  return kind.replace(/-.*/, '')
}

const carryOutNow = async (installation: Installation, fault: Fault): Promise<void> => {
  const { redis, cluster, engine, docker, ways, serverWays, engineWays, clocks, serverClocks, targetWay } = installation
  const { kind, index, forMs } = fault
  switch (kind) {
    case 'worker-kill':
      return killWorker(installation, index, forMs, async () => {})
    case 'worker-oom':
      return killWorker(installation, index, forMs, () => runOutOfMemory(installation.worker(index)))
    case 'worker-stop': {
      const worker = installation.worker(index)
      worker.kill('SIGSTOP')
      await pause(forMs)
      return worker.kill('SIGCONT')
    }
    case 'server-kill': {
      const server = installation.server(index)
      server.kill('SIGKILL')
      await server.exited
      await pause(forMs)
      return installation.startServer(index)
    }
    case 'redis-kill':
      await redis.kill('SIGKILL')
      await pause(forMs)
      return redis.restart()
    case 'redis-stop':
      await redis.kill('SIGSTOP')
      await pause(forMs)
      return redis.kill('SIGCONT')
    case 'client-kill':
      await redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
      return
    case 'redis-failover':
      return installation.asking.alone(async () => {
        await pause(replicatedMs)
        await redis.failover(1000, forMs)
      })
    case 'docker-kill':
      await engine.kill('SIGKILL')
      await pause(forMs)
      return engine.restart()
    case 'docker-full': {
      const filler = await fillDisk(engine.dataDir)
      await pause(forMs)
      return rm(filler)
    }
    case 'worker-clock':
    case 'server-clock': {
      const clock = (kind === 'worker-clock' ? clocks : serverClocks)[index]
      await clock?.set(forMs % 2 === 0 ? 60 : -60)
      await pause(forMs)
      return clock?.set(0)
    }
    case 'worker-redis-cut':
    case 'server-redis-cut':
    case 'worker-docker-cut':
    case 'target-cut': {
      const its = { 'worker-redis-cut': ways, 'server-redis-cut': serverWays, 'worker-docker-cut': engineWays, 'target-cut': [targetWay] }
      const way = its[kind][index]
      way?.cut(forMs % 2 === 1)
      await pause(forMs)
      return way?.mend()
    }
    case 'apiserver-kill':
    case 'apiserver-outage':
      await cluster.apiserver.kill('SIGKILL')
      await pause(forMs)
      return cluster.apiserver.start()
    case 'container-kill':
    case 'container-oom': {
      // The engine may be away for another fault.
      const [id] = await containersOf(installation).catch(() => [])
      if (id === undefined) return
      const harm = kind === 'container-kill' ? docker.getContainer(id).kill() : exhaust(installation, id)
      await harm.catch(() => {})
      return
    }
  }
}

/** Breaks something and mends it. */
export const carryOut = (installation: Installation, fault: Fault): Promise<void> =>
  installation.turn(subjectOf(fault), () => carryOutNow(installation, fault))
