import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { extract, pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { type ImageEntry, type ImageRecipe, imageArchive, prepareImage } from './archive.ts'
import { readArchive } from './read.ts'

const file = (name: string, text: string): ImageEntry => ({ kind: 'text', name, mode: 0o644, text })

const recipe = (tag: string, layers: ImageRecipe['layers'], arch: 'amd64' | 'arm64' = 'amd64'): ImageRecipe => ({
  tag,
  arch,
  config: { Env: ['HOME=/work'], Cmd: ['/bin/sh'], User: '65532:65532', WorkingDir: '/work' },
  labels: { 'telpher.kubectl': '1.34.4' },
  layers,
})

const base: readonly ImageEntry[] = [
  file('etc/passwd', 'root'),
  { kind: 'link', name: 'bin/sh', to: 'busybox' },
  { kind: 'folder', name: 'work/', mode: 0o700, owner: 65_532 },
]

const partsOf = async (archive: AsyncIterable<Buffer>): Promise<Map<string, Buffer>> => {
  const parts = new Map<string, Buffer>()
  const reading = Readable.from(archive).pipe(extract())
  for await (const entry of reading) parts.set(entry.header.name, await buffer(Readable.from(entry)))
  return parts
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('the same files give the same id, and another file, label or architecture another one', async () => {
  const made = async (...args: Parameters<typeof recipe>): Promise<string> => (await prepareImage(recipe(...args))).id
  const first = await made('a:1', [base])
  await new Promise((resolve) => setTimeout(resolve, 1100))
  expect(await made('b:1', [base])).toBe(first)
  expect(await made('a:1', [base, [file('x', 'y')]])).not.toBe(first)
  expect(await made('a:1', [base], 'arm64')).not.toBe(first)
  expect((await prepareImage({ ...recipe('a:1', [base]), labels: {} })).id).not.toBe(first)
})

test('the archive is what docker load reads: names, digests and sizes agree', async () => {
  const image = await prepareImage(recipe('a:1', [base, [file('usr/local/bin/tool', 'x'.repeat(5000))]]))
  const parts = await partsOf(imageArchive([image]))
  const [manifest] = JSON.parse(String(parts.get('manifest.json'))) as [{ Config: string; RepoTags: string[]; Layers: string[] }]
  expect(manifest.RepoTags).toEqual(['a:1'])
  const config = parts.get(manifest.Config) ?? Buffer.alloc(0)
  expect(`sha256:${sha256(config)}`).toBe(image.id)
  const read = JSON.parse(String(config)) as { rootfs: { diff_ids: string[] }; config: { User: string }; architecture: string }
  expect(manifest.Layers.map((name) => `sha256:${sha256(parts.get(name) ?? Buffer.alloc(0))}`)).toEqual(read.rootfs.diff_ids)
  expect(read).toMatchObject({ architecture: 'amd64', config: { User: '65532:65532' } })
})

test('a layer that two images have in common is in the archive once', async () => {
  const images = [await prepareImage(recipe('a:1', [base])), await prepareImage(recipe('b:1', [base, [file('x', 'y')]]))]
  const names = [...(await partsOf(imageArchive(images))).keys()]
  expect(names.filter((name) => name.endsWith('.tar'))).toHaveLength(2)
})

test('what cannot be read ends the archive with the cause', async () => {
  const missing: ImageEntry = { kind: 'file', name: 'x', mode: 0o644, from: '/nowhere/at/all' }
  await expect(prepareImage(recipe('a:1', [[missing]]))).rejects.toThrow('/nowhere/at/all')
})

test('an archive tells its images and their architectures', async () => {
  const images = [await prepareImage(recipe('a:1', [base], 'arm64')), await prepareImage(recipe('b:1', [base]))]
  expect(await readArchive(Readable.from(imageArchive(images)), 'f')).toEqual([
    { tags: ['a:1'], arch: 'arm64' },
    { tags: ['b:1'], arch: 'amd64' },
  ])
})

test('whatever else is given is refused by name', async () => {
  const tar = pack()
  tar.entry({ name: 'hello' }, 'world')
  tar.finalize()
  await expect(readArchive(tar as unknown as Readable, 'other.tar')).rejects.toMatchObject({ code: 'usage' })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
      await expect(readArchive(Readable.from([Buffer.from(bytes)]), 'junk')).rejects.toThrow('junk is no archive of images')
    }),
    { numRuns: 50 },
  )
})
