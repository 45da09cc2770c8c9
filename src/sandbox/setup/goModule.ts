import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { dirname, normalize } from 'node:path'
import { inflateRawSync } from 'node:zlib'

interface ZipEntry {
  readonly name: string
  readonly method: number
  readonly packed: number
  readonly offset: number
}

/** The entries of a zip archive by its central directory (APPNOTE.TXT 4.3.12); no Zip64, which a module of at most 500 MB never needs. */
const readEntries = (zip: Buffer): ZipEntry[] => {
  const end = zip.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]))
  if (end < 0) throw new Error('the module archive is no zip file')
  const entries: ZipEntry[] = []
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const [nameSize, extraSize, commentSize] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)]
    const name = zip.toString('utf8', at + 46, at + 46 + nameSize)
    entries.push({ name, method: zip.readUInt16LE(at + 10), packed: zip.readUInt32LE(at + 20), offset: zip.readUInt32LE(at + 42) })
    at += 46 + nameSize + extraSize + commentSize
  }
  return entries
}

const contentOf = (zip: Buffer, entry: ZipEntry): Buffer => {
  const start = entry.offset + 30 + zip.readUInt16LE(entry.offset + 26) + zip.readUInt16LE(entry.offset + 28)
  const packed = zip.subarray(start, start + entry.packed)
  return entry.method === 0 ? packed : inflateRawSync(packed)
}

/** The first proxy that the user's GOPROXY names. */
const proxy = (): string => (process.env['GOPROXY'] ?? '').split(/[,|]/).find((part) => /^https?:/.test(part)) ?? 'https://proxy.golang.org'

const byName = (a: ZipEntry, b: ZipEntry): number => (a.name < b.name ? -1 : 1)

/**
 * Downloads a module from the module proxy and unpacks it, without Go.
 * @param options.sum its hash as go.sum has it (`h1:`: SHA-256 over the sorted list of its files' SHA-256, golang.org/x/mod/sumdb/dirhash)
 * @param options.isProgram which files, by their path in the module, are made executable
 * @throws Error when the proxy does not answer or the hash differs; nothing is written then
 */
export const downloadModule = async (options: {
  readonly path: string
  readonly version: string
  readonly sum: string
  readonly into: string
  readonly isProgram: (name: string) => boolean
}): Promise<void> => {
  const url = `${proxy()}/${options.path}/@v/${options.version}.zip`
  const response = await fetch(url)
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  const zip = Buffer.from(await response.arrayBuffer())
  const prefix = `${options.path}@${options.version}/`
  const entries = readEntries(zip).sort(byName)
  const list = entries.map((entry) => `${createHash('sha256').update(contentOf(zip, entry)).digest('hex')}  ${entry.name}\n`).join('')
  const sum = `h1:${createHash('sha256').update(list).digest('base64')}`
  if (sum !== options.sum) throw new Error(`${url} has the hash ${sum}, expected was ${options.sum}`)
  for (const entry of entries) {
    const name = normalize(entry.name)
    if (!name.startsWith(prefix) || name.endsWith('/')) continue
    const inside = name.slice(prefix.length)
    mkdirSync(dirname(`${options.into}/${inside}`), { recursive: true })
    await writeFile(`${options.into}/${inside}`, contentOf(zip, entry), { mode: options.isProgram(inside) ? 0o755 : 0o644 })
  }
}
