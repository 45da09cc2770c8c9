import { expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import type { Connection } from './connection.ts'
import { linesOf, openBlock } from './logblock.ts'
import { logConnection, withinBudget } from './logbudget.ts'
import type { JobLog, MemoryLevel, NewLogLine, PackedLines } from './types.ts'

const line = (text: string): NewLogLine => ({ stream: 'stdout', text, at: 1 })

/** A log whose Redis is as full as the test says. */
const scene = () => {
  const state: { level: MemoryLevel; isFull: boolean; ends: number } = { level: 'ok', isFull: false, ends: 0 }
  const stored: string[] = []
  const refuse = (useReserve: boolean | undefined): void => {
    if (state.isFull && useReserve !== true) throw new TelpherError('redis_full', 'OOM')
  }
  const connection = {
    call: async () => refuse(false),
    script: async (_name: string, _keys: unknown, args: readonly string[], useReserve?: boolean) => {
      refuse(useReserve)
      stored.push(...args)
    },
  } as unknown as Connection
  const of = logConnection(connection)
  const inner = {
    appendPacked: async (blocks: readonly PackedLines[]) => {
      const opened = await Promise.all(blocks.map(({ field, data }) => openBlock({ field, data: Buffer.from(data) })))
      await of.connection.script(
        'log-append',
        [],
        opened.flatMap(linesOf).map(({ text }) => text),
      )
    },
    end: async () => {
      await of.connection.call(async () => undefined)
      state.ends++
    },
  } as unknown as JobLog
  const look = async () => [{ redis: 'store' as const, place: '', usedBytes: 0, maxBytes: 1, level: state.level }]
  return { state, stored, log: withinBudget(inner, of, { look }) }
}

test('a log with room is stored as it is', async () => {
  const { log, stored, state } = scene()
  await log.append([line('a'), line('b')])
  await log.end()
  expect([stored, state.ends]).toEqual([['a', 'b'], 1])
})

test.each(['level', 'refusal'])('lines that find no room are left out, and the next that do come after a notice: %s', async (how) => {
  const { log, stored, state } = scene()
  await log.append([line('a')])
  if (how === 'level') state.level = 'reserve'
  else state.isFull = true
  await Promise.all([log.append([line('b')]), log.append([line('c'), line('d')])])
  Object.assign(state, { level: 'ok', isFull: false })
  await log.append([line('e')])
  expect(stored).toEqual(['a', '… 3 lines were left out here: Redis had no room for logs …', 'e'])
})

test('a log that ends while Redis is full ends with the notice', async () => {
  const { log, stored, state } = scene()
  state.isFull = true
  await log.append([line('a')])
  await log.end()
  expect(stored).toEqual(['… 1 line was left out here: Redis had no room for logs …'])
  expect(state.ends).toBe(0)
})

test('what else goes wrong is thrown', async () => {
  const inner = {
    appendPacked: () => Promise.reject(new TelpherError('redis_timeout', 'late')),
    end: () => Promise.reject(new TelpherError('redis_timeout', 'late')),
  } as unknown as JobLog
  const log = withinBudget(inner, logConnection({} as Connection), { look: () => Promise.reject(new Error('away')) })
  await expect(log.append([line('a')])).rejects.toMatchObject({ code: 'redis_timeout' })
  await expect(log.end()).rejects.toMatchObject({ code: 'redis_timeout' })
})
