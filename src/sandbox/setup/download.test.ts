import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sandboxProgram } from './versions.ts'

const program = Buffer.from('a program')
const digest = createHash('sha256').update(program).digest('hex')

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telpher-download-'))
  vi.resetModules()
})
afterEach(() => {
  vi.unstubAllGlobals()
  rmSync(folder, { recursive: true })
})

/** In place of the publishers' hosts, which a test must not need. */
const publishing = (checksum: string | Error): ReturnType<typeof vi.fn> => {
  const answer = vi.fn(async (url: string) => {
    if (checksum instanceof Error) throw checksum
    return new Response(url.endsWith('.sha256') ? checksum : program)
  })
  vi.stubGlobal('fetch', answer)
  return answer
}

test('a release that matches its published checksum is taken', async () => {
  publishing(digest)
  const { downloadBinary } = await import('./download.ts')
  expect(await downloadBinary(sandboxProgram('kubectl'), folder)).toBe(true)
  expect(readFileSync(join(folder, 'kubectl'))).toEqual(program)
})

test('a release that differs from its published checksum is an error, not a reason to build', async () => {
  publishing('0'.repeat(64))
  const { downloadBinary } = await import('./download.ts')
  await expect(downloadBinary(sandboxProgram('kubectl'), folder)).rejects.toThrow(digest)
})

test('a host that cannot be reached is asked once', async () => {
  const fetched = publishing(new Error('no route'))
  const { downloadBinary } = await import('./download.ts')
  expect(await downloadBinary(sandboxProgram('kubectl'), folder)).toBe(false)
  expect(await downloadBinary(sandboxProgram('kubelet'), folder)).toBe(false)
  expect(fetched).toHaveBeenCalledTimes(1)
})
