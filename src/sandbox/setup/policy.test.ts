import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withoutServices } from './policy.ts'

let folder = ''
let policy = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telpher-policy-'))
  policy = join(folder, 'policy-rc.d')
})
afterEach(() => rmSync(folder, { recursive: true }))

test('services are forbidden during the installation only', async () => {
  expect(await withoutServices(async () => readFileSync(policy, 'utf8'), policy)).toContain('exit 101')
  expect(existsSync(policy)).toBe(false)
})

test("the machine's own policy is back afterwards, also when the installation fails", async () => {
  writeFileSync(policy, 'own')
  const failing = withoutServices(() => Promise.reject(new Error('apt failed')), policy)
  await expect(failing).rejects.toThrow('apt failed')
  expect(readFileSync(policy, 'utf8')).toBe('own')
})

test('what a killed installation left is put right by the next one', async () => {
  writeFileSync(policy, 'own')
  void withoutServices(() => new Promise<never>(() => {}), policy)
  await withoutServices(async () => undefined, policy)
  expect(readFileSync(policy, 'utf8')).toBe('own')
})
