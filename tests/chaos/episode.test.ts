import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { runEpisode } from './episode.ts'
import { createRoom, createTurns } from './exclusive.ts'
import type { Installation } from './installation.ts'
import type { Plan } from './plan.ts'

const plan: Plan = {
  seed: 1,
  load: [{ load: 'maps', atMs: 0 }],
  faults: [{ atMs: 0, fault: { kind: 'redis-kill', index: 0, forMs: 0 } }],
}

/** An installation of which a deployment asks the servers and a fault kills Redis, and nothing else is there. */
const episode = async (ask: () => Promise<never>, redis: Partial<Installation['redis']>): Promise<unknown> => {
  const dir = await mkdtemp(join(tmpdir(), 'tel-episode-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const auditLog = join(dir, 'audit.log')
  await writeFile(auditLog, '')
  const installation = { ask, redis, cluster: { auditLog }, turn: createTurns(), asking: createRoom() }
  return runEpisode(installation as unknown as Installation, plan, dir, 0).catch((thrown: unknown) => thrown)
}

test('a deployment that cannot begin ends the run with its own error, once what was broken is mended', async () => {
  const asked = Promise.withResolvers<void>()
  const unheard: unknown[] = []
  const hear = (reason: unknown): void => void unheard.push(reason)
  process.on('unhandledRejection', hear)
  onTestFinished(() => void process.off('unhandledRejection', hear))
  let mended = false
  const refused = new Error('nobody answers')
  const ask = async (): Promise<never> => {
    asked.resolve()
    throw refused
  }
  // An error that nobody has heard until the loop's next turn ends the process.
  const kill = async (): Promise<void> => {
    await asked.promise
    await turnOfLoop()
  }
  const restart = async (): Promise<void> => {
    mended = true
  }
  expect(await episode(ask, { kill, restart })).toBe(refused)
  expect([mended, unheard]).toEqual([true, []])
})

test('a fault that cannot be carried out ends the run once nobody asks for anything any more', async () => {
  const broken = Promise.withResolvers<void>()
  let isAsking = true
  const ask = async (): Promise<never> => {
    await broken.promise
    await turnOfLoop()
    isAsking = false
    throw new Error('nobody answers')
  }
  const restart = async (): Promise<never> => {
    broken.resolve()
    throw new Error('Redis does not start')
  }
  await episode(ask, { kill: async () => {}, restart })
  expect(isAsking).toBe(false)
})
