import { expect, test } from 'vitest'
import { type FileFacts, judgeFiles, judgeSecrets, type PathFacts } from './files.ts'

const file = (path: string, found: Partial<NonNullable<PathFacts['found']>> = {}): PathFacts => ({
  path,
  found: { kind: 'file', mode: 0o400, own: true, writable: true, executable: false, ...found },
})
const folder = (mode: number, more: object = {}): PathFacts => file('/data', { kind: 'folder', mode, ...more })
const good: FileFacts = {
  dataFolder: folder(0o700),
  keyFile: file('/data/master.key'),
  tokenFile: file('/data/token'),
  shim: file('/shim', { mode: 0o755, executable: true }),
  freeDisk: 100e9,
}
const find = (changes: Partial<FileFacts>, id: string) => judgeFiles({ ...good, ...changes }).find((finding) => finding.id === id)

test('nothing is wrong with good files', () => {
  expect(judgeFiles(good).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok'])
})

test.each<[string, Partial<FileFacts>, string, string, string]>([
  ['mode 0600', { keyFile: file('/k', { mode: 0o600 }) }, 'key-file', 'ok', ''],
  ['readable by the group', { keyFile: file('/k', { mode: 0o440 }) }, 'key-file', 'fail', 'chmod 0400 /k'],
  ['in a folder with a space', { keyFile: file('/my data/k', { mode: 0o644 }) }, 'key-file', 'fail', "chmod 0400 '/my data/k'"],
  ['readable by all', { tokenFile: file('/t', { mode: 0o644 }) }, 'token-file', 'fail', 'chmod 0400 /t'],
  ["somebody else's", { tokenFile: file('/t', { own: false }) }, 'token-file', 'fail', 'sudo chown "$(id -u)" /t'],
  ['a folder in its place', { tokenFile: file('/t', { kind: 'folder' }) }, 'token-file', 'fail', 'mv /t'],
  ['no key', { keyFile: { ...file('/k'), trouble: 'its bytes are not random' } }, 'key-file', 'fail', 'Restore /k'],
  ['not made yet', { keyFile: { path: '/k' } }, 'key-file', 'ok', ''],
  ['a data folder that can be made', { dataFolder: { path: '/data', makeable: true } }, 'data-folder', 'ok', ''],
  ['a data folder that cannot be made', { dataFolder: { path: '/data', makeable: false } }, 'data-folder', 'fail', 'install -d'],
  ['a file as data folder', { dataFolder: file('/data') }, 'data-folder', 'fail', 'TELPHER_DATA_DIR'],
  ['a data folder that is read-only', { dataFolder: folder(0o700, { writable: false }) }, 'data-folder', 'fail', 'chown'],
  ['a data folder that all may write', { dataFolder: folder(0o777) }, 'data-folder', 'fail', 'chmod 0700 /data'],
  ['a data folder that all may read', { dataFolder: folder(0o755) }, 'data-folder', 'warn', 'chmod 0700 /data'],
  ['little disk', { freeDisk: 2e9 }, 'disk', 'warn', 'docker system prune'],
  ['no disk', { freeDisk: 1e8 }, 'disk', 'fail', 'docker system prune'],
  ['a shim that is not there', { shim: { path: '/shim' } }, 'shim', 'fail', 'TELPHER_SHIM'],
  ['a shim that the worker builds', { shim: 'own' }, 'shim', 'ok', ''],
  ['a shim that cannot be run', { shim: file('/shim') }, 'shim', 'fail', 'chmod +x /shim'],
])('%s', (_, changes, id, status, fix) => {
  const finding = find(changes, id)
  expect(finding).toMatchObject({ status })
  expect(finding?.fix ?? '').toContain(fix)
  expect(finding?.fix !== undefined).toBe(status !== 'ok')
})

test('a disk that does not tell is skipped, a shim that nobody named is not', () => {
  const { freeDisk: _disk, shim: _shim, ...rest } = good
  const found = judgeFiles(rest)
  expect(found.find(({ id }) => id === 'disk')?.status).toBe('skip')
  expect(found.find(({ id }) => id === 'shim')).toMatchObject({ status: 'fail', fix: expect.stringContaining('go build') })
})

test('under a running server both files must be there', () => {
  expect(judgeSecrets({ keyFile: { path: '/k' }, tokenFile: { path: '/t' } }, true)).toMatchObject([
    { id: 'key-file', status: 'fail', fix: expect.stringContaining('Restore /k') },
    { id: 'token-file', status: 'warn', fix: expect.stringContaining('Restore /t') },
  ])
})
