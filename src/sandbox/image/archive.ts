import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { type Pack, pack } from 'tar-stream'
import type { Architecture } from '../paths.ts'

/** Something in an image. */
export type ImageEntry =
  | { readonly kind: 'file'; readonly name: string; readonly mode: number; readonly from: string }
  | { readonly kind: 'text'; readonly name: string; readonly mode: number; readonly text: string }
  | { readonly kind: 'link'; readonly name: string; readonly to: string }
  | { readonly kind: 'folder'; readonly name: string; readonly mode: number; readonly owner: number }

/** A layer by its content; its bytes are made anew each time, since they are too many to hold. */
interface Layer {
  /** SHA-256 of the tar, in hexadecimal. */
  readonly digest: string
  readonly size: number
  readonly entries: readonly ImageEntry[]
}

export interface ImageRecipe {
  /** Name for engines, such as `telpher/exec:k1.34-h4`. */
  readonly tag: string
  readonly arch: Architecture
  readonly config: { readonly Env: string[]; readonly Cmd: string[]; readonly User: string; readonly WorkingDir: string }
  readonly labels: Readonly<Record<string, string>>
  readonly layers: readonly (readonly ImageEntry[])[]
}

/** An image that is ready to be written: `id` is what engines will call it. */
export interface PreparedImage {
  readonly tag: string
  readonly id: string
  readonly config: Buffer
  readonly layers: readonly Layer[]
}

/** The same content must give the same bytes, and so the same id, wherever and whenever it is put together. */
const epoch = new Date(0)

type Header = Parameters<Pack['entry']>[0]

const addFile = async (tar: Pack, header: Header, from: string): Promise<void> => {
  const { size } = await stat(from)
  await pipeline(createReadStream(from), tar.entry({ ...header, size }))
}

const writeLayer = async (tar: Pack, entries: readonly ImageEntry[]): Promise<void> => {
  for (const entry of entries) {
    const common = { name: entry.name, mtime: epoch, uid: 0, gid: 0 }
    if (entry.kind === 'file') await addFile(tar, { ...common, mode: entry.mode }, entry.from)
    else if (entry.kind === 'text') tar.entry({ ...common, mode: entry.mode }, entry.text)
    else if (entry.kind === 'link') tar.entry({ ...common, type: 'symlink', linkname: entry.to, mode: 0o777 })
    else tar.entry({ ...common, type: 'directory', mode: entry.mode, uid: entry.owner, gid: entry.owner })
  }
  tar.finalize()
}

/** A tar as it is written; what goes wrong in the writing ends the reading. */
const streamOf = (write: (tar: Pack) => Promise<void>): AsyncIterable<Buffer> => {
  const tar = pack()
  write(tar).catch((error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))))
  return tar as unknown as AsyncIterable<Buffer>
}

const measure = async (entries: readonly ImageEntry[]): Promise<Layer> => {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of streamOf((tar) => writeLayer(tar, entries))) {
    hash.update(chunk)
    size += chunk.length
  }
  return { digest: hash.digest('hex'), size, entries }
}

/**
 * Reads what goes into an image and works out its id: the SHA-256 of its configuration, which names its layers (OCI image
 * specification, "Image ID"). Docker's own builder would put the time into it; here the same files give the same id everywhere.
 */
export const prepareImage = async (recipe: ImageRecipe): Promise<PreparedImage> => {
  const layers: Layer[] = []
  for (const entries of recipe.layers) layers.push(await measure(entries))
  const config = Buffer.from(
    JSON.stringify({
      architecture: recipe.arch,
      os: 'linux',
      created: epoch.toISOString(),
      config: { ...recipe.config, Labels: recipe.labels },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    }),
  )
  return { tag: recipe.tag, id: `sha256:${createHash('sha256').update(config).digest('hex')}`, config, layers }
}

const nameOf = ({ digest }: Layer): string => `${digest}.tar`

/**
 * The images as one archive in the format of `docker save`, which `docker load`, `ctr images import` and `podman load` read. A layer
 * that several images have is in it once.
 */
export const imageArchive = (images: readonly PreparedImage[]): AsyncIterable<Buffer> =>
  streamOf(async (tar) => {
    const file = (name: string): Header => ({ name, mode: 0o644, mtime: epoch })
    const configName = ({ id }: PreparedImage): string => `${id.slice('sha256:'.length)}.json`
    const manifest = images.map((image) => ({ Config: configName(image), RepoTags: [image.tag], Layers: image.layers.map(nameOf) }))
    // First what is small: who looks into an archive need not read it all.
    tar.entry(file('manifest.json'), JSON.stringify(manifest))
    for (const image of images) tar.entry(file(configName(image)), image.config)
    const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.digest, layer])))
    for (const layer of layers.values())
      await pipeline(
        streamOf((inner) => writeLayer(inner, layer.entries)),
        tar.entry({ ...file(nameOf(layer)), size: layer.size }),
      )
    tar.finalize()
  })
