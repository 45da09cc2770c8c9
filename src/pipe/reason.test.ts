import { expect, test } from 'vitest'
import { TelpherError } from '../model/errors.ts'
import { decodeReason, encodeReason } from './reason.ts'

const told = (error?: Error): Error => decodeReason(encodeReason(error), 'wrk_1')

test('what the system said of a connection is told as the system said it', () => {
  const error = told(Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' }))
  expect(error).toMatchObject({ message: 'connect ECONNREFUSED 127.0.0.1:1', code: 'ECONNREFUSED' })
  expect(error).not.toBeInstanceOf(TelpherError)
})

test('what is wrong with the pipe is an error of ours, with who said it', () => {
  expect(told(new TelpherError('pipe_refused', 'not of this pool'))).toMatchObject({
    code: 'pipe_refused',
    message: 'wrk_1: not of this pool',
  })
  expect(told(new TelpherError('pipe_busy', 'full'))).toMatchObject({ code: 'pipe_busy' })
  expect(told(new TelpherError('redis_timeout', 'slow'))).toMatchObject({ code: 'pipe_cut', message: 'wrk_1: slow' })
  expect(told(new RangeError('more than the window'))).toMatchObject({ code: 'pipe_cut' })
  expect(told()).toMatchObject({ code: 'pipe_cut' })
})

test('a reason is short and plain, whatever it was made of', () => {
  const { message } = told(Object.assign(new Error(`\u001b[31m${'x'.repeat(5000)}\n`), { code: 'EX' }))
  expect(message).toMatch(/^ \[31mx+$/)
  expect(message.length).toBe(300)
})

test('what is no reason is a cut', () => {
  for (const text of ['no JSON', '[]', '{}', 'null', '{"code":1,"message":{}}', '{"code":"eval(1)"}'])
    expect(decodeReason(Buffer.from(text), 'wrk_1'), text).toMatchObject({ code: 'pipe_cut' })
})
