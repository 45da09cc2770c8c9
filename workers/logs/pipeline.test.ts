import { expect, test } from 'vitest'
import { linesOf, openBlock } from '../../src/store/logblock.ts'
import type { FromThread, ToThread } from './messages.ts'
import { createPipeline } from './pipeline.ts'

type Told = ToThread extends infer Each ? (Each extends ToThread ? Omit<Each, 'log'> : never) : never

/** A pipeline and what it said, blocks as lines. */
const scene = () => {
  const said: FromThread[] = []
  const pipeline = createPipeline(1, (message) => said.push(message))
  const lines = async (): Promise<string[]> => {
    const blocks = said.flatMap((message) => (message.type === 'blocks' ? message.blocks : []))
    const opened = await Promise.all(blocks.map(({ field, data }) => openBlock({ field, data: Buffer.from(data) })))
    return opened.flatMap(linesOf).map(({ stream, text }) => `${stream}: ${text}`)
  }
  return { said, lines, tell: (message: Told) => pipeline.take({ log: 1, ...message }) }
}
const output = (text: string): Told => ({ type: 'output', stream: 'stderr', bytes: Buffer.from(text) })
const flush: Told = { type: 'ask', id: 1, what: 'flush' }

test('lines come masked, in order, with what is said in between, and the last errors', async () => {
  const { tell, lines, said } = scene()
  tell({ type: 'hide', secrets: ['hunter2-secret'] })
  tell(output('one hunter2-'))
  tell(output('secret\nhalf'))
  tell({ type: 'say', text: 'two', at: 1 })
  tell({ type: 'ended' })
  tell(flush)
  expect(await lines()).toEqual(['stderr: one ********', 'system: two', 'stderr: half'])
  expect(said.at(-1)).toEqual({ log: 1, type: 'answer', id: 1, errors: 'one ********\nhalf\n' })
  expect(said.filter(({ type }) => type === 'taken')).toHaveLength(2)
})

test('output whose secrets cannot be hidden is let through no more, lines of our own are', async () => {
  const { tell, lines, said } = scene()
  tell({ type: 'hide', secrets: Array.from({ length: 400 }, (_, index) => `${index}`.padEnd(8192, 'x')) })
  tell(output('a secret\n'))
  tell(output('another\n'))
  tell({ type: 'say', text: 'it goes on', at: 1 })
  tell({ type: 'ended' })
  tell(flush)
  expect(said.filter(({ type }) => type === 'failed')).toHaveLength(1)
  expect(await lines()).toEqual(['system: it goes on'])
})

test('the last errors have their last line, also when its end might have begun a secret', () => {
  const { tell, said } = scene()
  tell({ type: 'hide', secrets: ['a-secret-value-that-is-long-enough'] })
  tell(output('Error: name is a-s\n'))
  tell({ type: 'ask', id: 1, what: 'errors' })
  expect(said.at(-1)).toEqual({ log: 1, type: 'answer', id: 1, errors: 'Error: name is a-s\n' })
})
