import { afterAll, beforeAll, expect, test } from 'vitest'
import { TelpherError } from '../../../src/model/errors.ts'
import { Secret } from '../../../src/model/secret.ts'
import { linesOf, openBlock } from '../../../src/store/logblock.ts'
import type { PackedLines } from '../../../src/store/types.ts'
import { createLogs, type Logs } from '../../../workers/logs/logs.ts'

let logs: Logs
beforeAll(() => {
  logs = createLogs()
})
afterAll(() => logs.close())

/** A double of the store's log that keeps blocks; it holds them back until `go`, or fails. */
const fakeStore = (options: { readonly held?: true; readonly fails?: true } = {}) => {
  const kept: PackedLines[] = []
  const gate = Promise.withResolvers<void>()
  if (options.held === undefined) gate.resolve()
  let ends = 0
  return {
    go: gate.resolve,
    ends: () => ends,
    lines: async () => {
      const blocks = await Promise.all(kept.map(({ field, data }) => openBlock({ field, data: Buffer.from(data) })))
      return blocks.flatMap(linesOf).map(({ text }) => text)
    },
    async appendPacked(blocks: readonly PackedLines[]) {
      await gate.promise
      if (options.fails) throw new Error('full')
      kept.push(...blocks)
    },
    async end() {
      ends++
    },
  }
}

test('two logs at a time keep apart, in order, each with its own secrets', async () => {
  const [one, two] = [fakeStore(), fakeStore()]
  const [first, second] = [logs.open(one), logs.open(two)]
  first.hide([new Secret('first-secret')])
  second.hide([new Secret('second-secret')])
  for (let n = 0; n < 2000; n++) {
    await first.output('stdout', Buffer.from(`${n} first-secret second-secret\n`))
    await second.output('stderr', Buffer.from(`${n} first-secret second-secret\n`))
  }
  expect(await second.lastErrors()).toMatch(/1999 first-secret \*{8}\n$/)
  for (const log of [first, second]) {
    log.ended()
    await log.end()
    log.close()
  }
  const expected = (text: string): string[] => Array.from({ length: 2000 }, (_, n) => `${n} ${text}`)
  expect(await one.lines()).toEqual(expected('******** second-secret'))
  expect(await two.lines()).toEqual(expected('first-secret ********'))
  expect([one.ends(), two.ends()]).toEqual([1, 1])
})

test('a program is held back while much waits for the store', async () => {
  const store = fakeStore({ held: true })
  const log = logs.open(store)
  const chunk = Buffer.from(`${'x'.repeat(999)}\n`.repeat(60))
  let held: Promise<void> | undefined
  let sent = 0
  for (; held === undefined && sent < 1000; sent++) held = log.output('stdout', chunk)
  expect(sent).toBeLessThan(1000)
  // What the thread has yet to give as a block does not wait for the store.
  for (let more = 0; more < 3; more++, sent++) held = log.output('stdout', chunk)
  let isFree = false
  const freed = held?.then(() => {
    isFree = true
  })
  // The thread is done with all of it: what is left waits for the store alone.
  await log.lastErrors()
  expect(isFree).toBe(false)
  store.go()
  await freed
  await log.flush()
  expect(await store.lines()).toHaveLength(sent * 60)
  log.close()
})

test('what cannot be stored is told with the flush, and to the program', async () => {
  const log = logs.open(fakeStore({ fails: true }))
  log.say('one')
  await expect(log.flush()).rejects.toThrow('full')
  await expect(log.output('stdout', Buffer.from('x'))).rejects.toThrow('full')
  log.close()
})

test('lines for which Redis was away too long end the log for good: nobody waits for the same again', async () => {
  const log = logs.open({
    ...fakeStore(),
    appendPacked: async () => {
      throw new TelpherError('redis_timeout', 'for long')
    },
  })
  log.say('lost')
  await expect(log.end()).rejects.toMatchObject({ code: 'log_unwritten' })
  log.close()
})

test('output whose secrets cannot be hidden ends the program, not the log', async () => {
  const store = fakeStore()
  const log = logs.open(store)
  log.hide(Array.from({ length: 400 }, (_, index) => new Secret(`${index}`.padEnd(4096, 'x'))))
  await log.output('stdout', Buffer.from('a secret\n'))
  await log.lastErrors()
  await expect(log.output('stdout', Buffer.from('more\n'))).rejects.toMatchObject({ code: 'internal' })
  log.say('it failed')
  log.ended()
  await log.end()
  expect(await store.lines()).toEqual(['it failed'])
  log.close()
})

test('a thread that is not needed ends, and comes again with the next log', async () => {
  const own = createLogs(0)
  for (const text of ['one', 'two']) {
    const store = fakeStore()
    const log = own.open(store)
    log.say(text)
    await log.end()
    log.close()
    // With nothing to wait for, its end comes with the next turn.
    await new Promise((resolve) => setTimeout(resolve))
    expect(await store.lines()).toEqual([text])
  }
  await own.close()
})
