import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { type Header, pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { packPath, packPaths } from './pack.ts'
import { unpack } from './unpack.ts'

const folderWith = async (files: Record<string, string>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'telpher-pack-'))
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  return folder
}

const tarOf = async (...entries: readonly (readonly [Partial<Header> & { name: string }, string?])[]): Promise<Buffer> => {
  const tar = pack()
  const bytes = buffer(tar)
  for (const [header, content] of entries) {
    if (header.type === undefined || header.type === 'file') tar.entry(header, content ?? '')
    else tar.entry(header)
  }
  tar.finalize()
  return bytes
}

test('the same files give the same package, wherever and whenever they were written', async () => {
  const files = { 'b.yaml': 'b: 1\n', 'sub/ a file -x.yaml': 'a: 1\n', '.git/config': 'no' }
  const [one, two] = await Promise.all([folderWith(files), folderWith(files)].map(async (folder) => packPath(await folder)))
  expect(one?.sha256).toBe(two?.sha256)
  expect(one?.files).toEqual(['b.yaml', 'sub/ a file -x.yaml'])
  const unpacked = await unpack(one?.bytes ?? Buffer.alloc(0))
  expect([...unpacked].map(([path, content]) => [path, content.toString()])).toEqual([
    ['b.yaml', 'b: 1\n'],
    ['sub/ a file -x.yaml', 'a: 1\n'],
  ])
})

test('a symbolic link in a folder is refused with its path', async () => {
  const folder = await folderWith({ 'a.yaml': '' })
  await symlink('/etc/passwd', join(folder, 'link'))
  await expect(packPath(folder)).rejects.toMatchObject({ code: 'package_refused', message: expect.stringContaining('link') })
})

test('several paths are named from the folder that all lie in, and a file that two of them name is in it once', async () => {
  const folder = await folderWith({ 'a/one.yaml': '1', 'a/deep/two.yaml': '2', 'b/three.yaml': '3', 'c/no.yaml': '4' })
  const { bytes, files } = await packPaths([join(folder, 'a'), join(folder, 'a/*.yaml'), join(folder, 'b/three.yaml')])
  expect(files).toEqual(['a/deep/two.yaml', 'a/one.yaml', 'b/three.yaml'])
  expect((await unpack(bytes)).get('b/three.yaml')?.toString()).toBe('3')
  await expect(packPaths([join(folder, 'a'), join(folder, 'gone')])).rejects.toMatchObject({ code: 'empty_package' })
})

test('what is not there is said', async () => {
  await expect(packPath('/nowhere/at/all')).rejects.toMatchObject({
    code: 'empty_package',
    message: expect.stringContaining('/nowhere/at/all'),
  })
})

test.each<[string, () => Promise<Buffer>]>([
  ['an absolute path', () => tarOf([{ name: '/etc/passwd' }, 'x'])],
  ['a path outside', () => tarOf([{ name: 'a/../../b' }, 'x'])],
  ['a Windows path', () => tarOf([{ name: 'a\\b' }, 'x'])],
  ['a drive', () => tarOf([{ name: 'C:/b' }, 'x'])],
  ['a symbolic link', () => tarOf([{ name: 'a', type: 'symlink', linkname: '/etc' }])],
  ['a hard link', () => tarOf([{ name: 'a', type: 'link', linkname: 'b' }])],
  ['a device', () => tarOf([{ name: 'a', type: 'character-device' }])],
  ['a fifo', () => tarOf([{ name: 'a', type: 'fifo' }])],
  ['a file twice', () => tarOf([{ name: 'a' }, '1'], [{ name: './a' }, '2'])],
  ['names that differ by case', () => tarOf([{ name: 'a' }, '1'], [{ name: 'A' }, '2'])],
  ['folders that differ by case', () => tarOf([{ name: 'a/x' }, '1'], [{ name: 'A/y' }, '2'])],
  ['names that differ by normal form', () => tarOf([{ name: 'caf\u00e9' }, '1'], [{ name: 'cafe\u0301' }, '2'])],
  ['a file that is a folder too', () => tarOf([{ name: 'a' }, '1'], [{ name: 'a/b' }, '2'])],
  ['a folder that is a file too', () => tarOf([{ name: 'a', type: 'directory' }], [{ name: 'a' }, '2'])],
  ['a file without a name', () => tarOf([{ name: './', type: 'file' }, 'x'], [{ name: '.' }, 'x'])],
  ['an empty part of a path', () => tarOf([{ name: 'a//b' }, '1'])],
  ['a dot in a path', () => tarOf([{ name: 'a/./b' }, '1'])],
  ['an absolute folder', () => tarOf([{ name: '/', type: 'directory' }])],
  ['a folder outside', () => tarOf([{ name: '../', type: 'directory' }])],
  ['a path outside in a pax header', () => tarOf([{ name: 'a', pax: { path: '../../etc/passwd' } }, 'x'])],
  ['a NUL in a pax header', () => tarOf([{ name: 'a', pax: { path: 'a\0b' } }, 'x'])],
  ['a size in a pax header that is a lie', () => tarOf([{ name: 'a', pax: { size: '99999999999' } }, 'x'])],
  ['a size in a pax header that is no number', () => tarOf([{ name: 'a', pax: { size: 'many' } }, 'x'])],
  ['a file with holes', () => tarOf([{ name: 'a', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0' } }, 'x'])],
  ['an escape sequence in a name', () => tarOf([{ name: 'a\x1b[2J' }, 'x'])],
  ['a path that is too long', () => tarOf([{ name: 'a/'.repeat(20) + 'b'.repeat(1000) }, 'x'])],
  ['a name that is too long', () => tarOf([{ name: 'b'.repeat(241) }, 'x'])],
  ['a path that is too deep', () => tarOf([{ name: `${'a/'.repeat(40)}b` }, 'x'])],
  ['too many entries', () => tarOf(...Array.from({ length: 20_001 }, (_, at): [{ name: string }] => [{ name: `f${at}` }]))],
  ['an archive cut within a file', async () => (await tarOf([{ name: 'a' }, 'x'.repeat(5000)])).subarray(0, 2048)],
  ['an archive cut between files', async () => (await tarOf([{ name: 'a' }, 'x'], [{ name: 'b' }, 'y'])).subarray(0, 1024)],
  ['a gzip that was cut', async () => gzipSync(await tarOf([{ name: 'a' }, 'x'.repeat(5000)])).subarray(0, -20)],
  ['something behind the end', async () => Buffer.concat([await tarOf([{ name: 'a' }, 'x']), Buffer.from('rest')])],
  ['a bomb', async () => gzipSync(await tarOf([{ name: 'a' }, 'x'.repeat(15 << 20)], [{ name: 'b' }, 'x'.repeat(15 << 20)]))],
  ['a file that is too long', () => tarOf([{ name: 'a' }, 'x'.repeat(17 << 20)])],
  ['no archive', async () => Buffer.from('this is not a tar archive'.repeat(100))],
  ['a broken gzip', async () => Buffer.concat([gzipSync('x').subarray(0, 10), Buffer.from('rest')])],
])('refuses %s', async (_, make) => {
  await expect(unpack(await make())).rejects.toMatchObject({ code: 'package_refused' })
})

test('long names, GNU and pax, and odd ones come through', async () => {
  const names = ['-rf', '--set=x', 'two\nlines', 'tab\there', ' space ', 'é ü 日本', `${'folder/'.repeat(20)}${'n'.repeat(200)}.yaml`]
  const folder = await folderWith(Object.fromEntries(names.map((name) => [name, `of ${name}`])))
  const unpacked = await unpack((await packPath(folder)).bytes)
  expect(Object.fromEntries([...unpacked].map(([path, content]) => [path, content.toString()]))).toEqual(
    Object.fromEntries(names.map((name) => [name, `of ${name}`])),
  )
})

test('a link that a glob matches is refused, and a folder gives what lies below it', async () => {
  const folder = await folderWith({ 'conf/a.yaml': '1', 'conf/deep/b.yaml': '2' })
  expect((await packPath(join(folder, 'con*'))).files).toEqual(['a.yaml', 'deep/b.yaml'])
  await symlink('/etc/hostname', join(folder, 'conf/c.yaml'))
  await expect(packPath(join(folder, 'conf/*.yaml'))).rejects.toMatchObject({ code: 'package_refused' })
})
