import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ErrorCode, errorNumber, errorTable, TelpherError, toTelpherError } from './errors.ts'

const codes = Object.keys(errorTable) as ErrorCode[]
const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8')

test('the page of error codes says what the table says, and nothing else', () => {
  const expected = codes.map((code) => {
    const [, fault, retryable, hint] = errorTable[code]
    return `| ${errorNumber(code)} | \`${code}\` | ${fault} | ${retryable ? 'yes' : 'no'} | ${hint} |`
  })
  expect(page.split('\n').filter((line) => line.startsWith('| TEL-'))).toEqual(expected)
})

test('every code is one that something ends with', () => {
  const root = new URL('../', import.meta.url).pathname
  const sources = ['.', '../workers'].flatMap((folder) =>
    globSync('**/*.ts', { cwd: join(root, folder) }).map((path) => join(root, folder, path)),
  )
  const code = sources
    .filter((path) => !path.endsWith('.test.ts') && path !== join(root, 'model/errors.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n')
  expect(codes.filter((one) => !code.includes(`'${one}'`))).toEqual([])
})

test('numbers are given once', () => {
  expect(new Set(codes.map(errorNumber)).size).toBe(codes.length)
})

test('whatever is thrown becomes an error with a code; our own stays what it is', () => {
  const own = new TelpherError('quota_exceeded', 'too much', { field: 'pods' })
  expect(toTelpherError(own)).toBe(own)
  expect(toTelpherError(new TypeError('x'))).toMatchObject({ code: 'internal', fault: 'bug', retryable: false, message: 'x' })
  expect(toTelpherError('text')).toMatchObject({ code: 'internal', message: 'text' })
  expect(own.hint).not.toBe('')
})
