import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureToken } from './token.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-token-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

test('a token is made at the first start, for its owner only, and kept', async () => {
  const file = join(dir, 'made/token')
  const token = await ensureToken(file)
  expect(token.reveal()).toMatch(/^tel_[\w-]{43}$/)
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('400')
  expect((await ensureToken(file)).reveal()).toBe(token.reveal())
  expect(`${token} ${JSON.stringify({ token })}`).not.toContain('tel_')
})

test('servers that start at once have the same token', async () => {
  const file = join(dir, 'race/token')
  const tokens = await Promise.all(Array.from({ length: 20 }, () => ensureToken(file)))
  expect(new Set(tokens.map((token) => token.reveal())).size).toBe(1)
  expect(await readFile(file, 'utf8')).toBe(`${tokens[0]?.reveal()}\n`)
})

test.each([0o440, 0o404, 0o644, 0o640])('a file of mode %o is refused, with what to do', async (mode) => {
  const file = join(dir, `mode-${mode}`)
  await ensureToken(file)
  await chmod(file, mode)
  await expect(ensureToken(file)).rejects.toMatchObject({ code: 'token_file', message: expect.stringContaining('chmod 0400') })
})

test('a file without a token is refused, and not overwritten', async () => {
  const file = join(dir, 'other')
  await writeFile(file, 'hunter2', { mode: 0o400 })
  await expect(ensureToken(file)).rejects.toMatchObject({ code: 'token_file', message: expect.not.stringContaining('hunter2') })
  expect(await readFile(file, 'utf8')).toBe('hunter2')
})
