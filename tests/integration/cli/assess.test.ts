import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const labelled = fileURLToPath(new URL('../../fixtures/health/argo-open.ndjson', import.meta.url))

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'telpher-assess-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** The real process, with no server anywhere: pipes and exit codes are its own. */
const start = (...args: readonly string[]) => {
  const child = spawn(process.execPath, [main, 'assess', ...args], { cwd: dir, env: { PATH: process.env['PATH'], HOME: dir } })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
  return { child, said, ended: new Promise<number | null>((resolve) => child.once('close', resolve)) }
}

const answers = (stdout: string): unknown[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

test('files of several forms are answered in their order', async () => {
  await writeFile(
    join(dir, 'a.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: b}\n',
  )
  await writeFile(
    join(dir, 'b.json'),
    JSON.stringify({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'c', namespace: 'shop' } }, undefined, 2),
  )
  const { said, ended } = start('a.yaml', 'b.json')
  expect([await ended, said.stderr]).toEqual([0, ''])
  expect(answers(said.stdout)).toEqual([
    { id: 'ConfigMap/a', status: 'Current', message: 'it exists', rule: 'exists' },
    { id: 'Pod/b', status: 'InProgress', message: 'it is not scheduled', rule: 'Pod' },
    { id: 'Job/shop/c', status: 'InProgress', message: '0 pods are active, 0 have failed', rule: 'Job' },
  ])
})

test('what cannot be read is answered with an error, the rest as ever, and the end is 2', async () => {
  await writeFile(join(dir, 'good.yaml'), 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n')
  const { child, said, ended } = start('-', 'missing.yaml', '.', 'good.yaml')
  child.stdin.end(
    '{"id":"a","object":{"apiVersion":"v1","kind":"Secret"}}\nnonsense\n{"id":"b","object":{"apiVersion":"v1","kind":"Secret"}}\n',
  )
  expect([await ended, said.stderr]).toEqual([2, ''])
  expect(answers(said.stdout)).toEqual([
    { id: 'a', status: 'Current', message: 'it exists', rule: 'exists' },
    { id: 'stdin:2', error: { code: 'invalid_manifest', message: expect.stringContaining('stdin:2: not JSON') } },
    { id: 'b', status: 'Current', message: 'it exists', rule: 'exists' },
    { id: 'missing.yaml', error: { code: 'invalid_input', message: 'missing.yaml cannot be read: there is no such file' } },
    { id: '.', error: { code: 'invalid_input', message: expect.stringContaining('it is a folder') } },
    { id: 'ConfigMap/good', status: 'Current', message: 'it exists', rule: 'exists' },
  ])
})

test('a stream is answered line by line, before it ends', async () => {
  const { child, said, ended } = start()
  const answered = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()))
  child.stdin.write('{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}\n')
  await answered
  expect(answers(said.stdout)).toMatchObject([{ id: 'Secret/s' }])
  child.stdin.end()
  expect(await ended).toBe(0)
})

test('the labelled objects are answered with their ids', async () => {
  const { said, ended } = start(labelled)
  expect(await ended).toBe(0)
  expect(answers(said.stdout)).toHaveLength(717)
  expect(answers(said.stdout)[0]).toMatchObject({ id: expect.stringContaining('testdata/'), status: expect.any(String) })
})

test('a reader that has seen enough ends it quietly', async () => {
  const { child, said, ended } = start(...Array.from({ length: 20 }, () => labelled))
  child.stdout.once('data', () => child.stdout.destroy())
  expect(await ended).toBe(0)
  expect(said.stderr).toBe('')
})
