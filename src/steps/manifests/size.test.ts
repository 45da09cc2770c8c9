import { expect, test } from 'vitest'
import { tooLarge } from './size.ts'

const mebibyte = 1024 * 1024
const text = (bytes: number): string => 'x'.repeat(bytes)

test('data of a ConfigMap or Secret is counted as the API server counts it', () => {
  expect(tooLarge('', 'ConfigMap', { data: { a: text(mebibyte / 2), b: text(mebibyte / 2) } })).toBeUndefined()
  expect(tooLarge('', 'ConfigMap', { data: { a: text(mebibyte), b: 'x' } })).toBe('has 1.01 MiB of data, and Kubernetes takes 1 MiB')
  expect(tooLarge('', 'Secret', { data: { a: Buffer.alloc(mebibyte).toString('base64') } })).toBeUndefined()
  expect(tooLarge('', 'Secret', { stringData: { a: text(mebibyte + 1) } })).toContain('of data')
})

test('any object is limited by what etcd takes', () => {
  expect(tooLarge('example.test', 'ConfigMap', { data: { a: text(1.4 * mebibyte) } })).toBeUndefined()
  expect(tooLarge('example.test', 'Thing', { spec: text(1.6 * mebibyte) })).toBe('has 1.61 MiB, and Kubernetes stores 1.5 MiB')
})

test('what has no end is too large', () => {
  const round: Record<string, unknown> = {}
  round['self'] = round
  expect(tooLarge('', 'Pod', round)).toContain('has Infinity MiB')
})
