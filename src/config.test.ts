import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { loadConfig } from './config.ts'

test('defaults are loopback and files in the data folder', () => {
  const config = loadConfig({ TELPHER_DATA_DIR: '/data' })
  expect(config).toMatchObject({
    host: '127.0.0.1',
    keyFile: '/data/master.key',
    tokenFile: '/data/token',
    pool: 'default',
    concurrency: 4,
  })
})

test.each([
  [{ TELPHER_REDIS_URL: 'http://x' }, 'TELPHER_REDIS_URL: the address of Redis, scheme: use redis://HOST:PORT'],
  [{ TELPHER_PORT: '70000' }, 'TELPHER_PORT'],
  [{ TELPHER_POOL: 'Not A Name' }, 'TELPHER_POOL: use lower-case'],
])('a bad variable is named: %o', (env, message) => {
  expect(() => loadConfig(env)).toThrow(message)
})

test('docs/reference/configuration.md has a row for each variable, and no other', () => {
  const page = readFileSync(new URL('../docs/reference/configuration.md', import.meta.url), 'utf8')
  const source = readFileSync(new URL('./config.ts', import.meta.url), 'utf8')
  const described = [...page.matchAll(/^\| (TELPHER_\w+) /gm)].map(([, name]) => name)
  const read = new Set([...source.matchAll(/^ {2}(TELPHER_\w+):/gm)].map(([, name]) => name))
  expect(described.toSorted()).toEqual([...read].toSorted())
})
