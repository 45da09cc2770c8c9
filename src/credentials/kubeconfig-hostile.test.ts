import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostile, malformed, marker, secret, userAt, written } from '../../tests/support/hostile-kubeconfigs.ts'
import { readKubeconfig } from './kubeconfig.ts'

let connections = 0
const listener = createServer((socket) => {
  connections++
  socket.destroy()
})
let address = ''
beforeAll(async () => {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const at = listener.address()
  if (at === null || typeof at === 'string') throw new Error('no port')
  address = `https://127.0.0.1:${at.port}`
})
afterAll(() => {
  listener.close()
})

test.each(hostile)('%s is refused with its field, and nothing is run, opened or asked', async (_, parts, field) => {
  let refused: unknown
  try {
    readKubeconfig(written(address, parts), 'here')
  } catch (thrown) {
    refused = thrown
  }
  const code = /^(exec|auth-provider)$/.test(field.slice(userAt.length + 1)) ? 'kubeconfig_plugin' : 'invalid_kubeconfig'
  expect(refused).toMatchObject({ code, field })
  expect(String(refused)).not.toContain(secret)
  expect(String(refused)).not.toMatch(/[\x00-\x08\x0b-\x1f]/)
  expect([existsSync(marker), connections]).toEqual([false, 0])
})

test.each(malformed)('%s is no kubeconfig', (_, text) => {
  expect(() => readKubeconfig(text, 'here')).toThrow(expect.objectContaining({ code: 'invalid_kubeconfig' }))
  expect(existsSync(marker)).toBe(false)
})
