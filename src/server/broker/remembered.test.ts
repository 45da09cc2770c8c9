import { expect, test, vi } from 'vitest'
import { remembered } from './remembered.ts'

const signed = (body: string, signature = 's') => ({ body, signature })

test('the very same text is looked at once', () => {
  const work = vi.fn(({ body }: { body: string }) => ({ body }))
  const look = remembered(work)
  expect(look(signed('a'))).toBe(look(signed('a')))
  expect(work).toHaveBeenCalledTimes(1)
})

test('another signature under the same text is another one, and takes nothing from the first', () => {
  const look = remembered(({ signature }) => {
    if (signature !== 's') throw new Error('refused')
    return 'taken'
  })
  expect(look(signed('a'))).toBe('taken')
  for (const other of ['', 'S', 's ', 't']) expect(() => look(signed('a', other))).toThrow('refused')
  expect(look(signed('a'))).toBe('taken')
})

test('neither an error nor nothing is kept', () => {
  const answers = [undefined, new Error('not now'), 'taken']
  const look = remembered(() => {
    const answer = answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  })
  expect(look(signed('a'))).toBeUndefined()
  expect(() => look(signed('a'))).toThrow('not now')
  expect([look(signed('a')), look(signed('a'))]).toEqual(['taken', 'taken'])
})

test('memory is bounded: what came first goes first', () => {
  const work = vi.fn(({ body }: { body: string }) => body)
  const look = remembered(work, 2)
  for (const body of ['a', 'b', 'c', 'c', 'b', 'a']) look(signed(body))
  expect(work.mock.calls.map(([{ body }]) => body)).toEqual(['a', 'b', 'c', 'a'])
})
