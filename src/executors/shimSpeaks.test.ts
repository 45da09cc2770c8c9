import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { mustSpeakWith } from './shimSpeaks.ts'

/** A DOUBLE of a shim of another version: it only says what it speaks. */
const shimThat = async (script: string): Promise<string> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-speaks-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  await writeFile(join(dir, 'shim'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return join(dir, 'shim')
}

test('a shim that speaks nothing in common with the worker is refused before there is work', async () => {
  await expect(mustSpeakWith(await shimThat(`echo '{"version":9,"oldest":8}'`))).rejects.toMatchObject({
    code: 'tether_version',
    message: expect.stringContaining('the shim speaks versions 8 to 9 of the tether, this worker version 1'),
  })
})

test('one that speaks as the worker does, or does not tell, is none to refuse', async () => {
  for (const script of [`echo '{"version":9,"oldest":1}'`, 'exit 2', 'echo none', 'echo null']) await mustSpeakWith(await shimThat(script))
  await mustSpeakWith('/nonexistent/shim')
})
