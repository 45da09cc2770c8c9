import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { restoreTunables, saveTunables } from './kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'telpher-kernel-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('the first saving counts, and restoring forgets it', () => {
  const file = join(folder, 'saved')
  saveTunables(file)
  const first = readFileSync(file, 'utf8')
  saveTunables(file)
  expect(readFileSync(file, 'utf8')).toBe(first)
  expect(JSON.parse(first)).toMatchObject({ values: { 'kernel/panic': readFileSync('/proc/sys/kernel/panic', 'utf8').trim() } })
  restoreTunables(file)
  expect(existsSync(file)).toBe(false)
})
