import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findEndpoint, readToken } from './endpoint.ts'

let dir: string
let deep: string
const dev = { url: 'http://127.0.0.1:7373', tokenFile: 'token' }
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-endpoint-'))
  deep = join(dir, 'a/b')
  await mkdir(join(dir, '.telpher/dev'), { recursive: true })
  await mkdir(deep, { recursive: true })
  await writeFile(join(dir, '.telpher/dev/endpoint.json'), JSON.stringify(dev))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

const ofDev = (): object => ({ url: dev.url, tokenFile: join(dir, '.telpher/dev/token') })

test('the server that runs from a folder above is found', async () => {
  expect(await findEndpoint({ env: {}, cwd: deep })).toEqual(ofDev())
})

test('flags win over the environment, and the environment over what is found', async () => {
  const env = { TELPHER_SERVER: 'https://env.example/', TELPHER_TOKEN_FILE: '/env/token' }
  expect(await findEndpoint({ env, cwd: deep })).toEqual({ url: 'https://env.example', tokenFile: '/env/token' })
  expect(await findEndpoint({ server: 'http://flag', tokenFile: 'flag', env, cwd: deep })).toEqual({
    url: 'http://flag',
    tokenFile: join(deep, 'flag'),
  })
})

test('a token that was found goes to its own server only', async () => {
  expect(await findEndpoint({ server: dev.url, env: {}, cwd: deep })).toEqual(ofDev())
  await expect(findEndpoint({ server: 'https://other.example', env: {}, cwd: deep })).rejects.toMatchObject({ code: 'unauthorized' })
})

test('an announcement that is broken is not one, and none at all is said', async () => {
  const other = await mkdtemp(join(tmpdir(), 'telpher-endpoint-'))
  await mkdir(join(other, '.telpher/dev'), { recursive: true })
  await writeFile(join(other, '.telpher/dev/endpoint.json'), '{"url":')
  await expect(findEndpoint({ env: { TELPHER_SERVER: '' }, cwd: other })).rejects.toMatchObject({ code: 'server_unreachable' })
  await rm(other, { recursive: true })
})

test.each(['127.0.0.1:7373', 'ftp://x', 'nonsense'])('%s is no address', async (server) => {
  await expect(findEndpoint({ server, tokenFile: 't', env: {}, cwd: dir })).rejects.toMatchObject({ code: 'usage' })
})

test('a token is read without its line end, and what is none is refused without being shown', async () => {
  const file = join(dir, 'token')
  await writeFile(file, 'tel_abc\n')
  expect((await readToken(file)).reveal()).toBe('tel_abc')
  await writeFile(file, 'hunter2 hunter3')
  await expect(readToken(file)).rejects.toMatchObject({ code: 'unauthorized', message: expect.not.stringContaining('hunter2') })
  await expect(readToken(join(dir, 'none'))).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('cannot be read'),
  })
})
