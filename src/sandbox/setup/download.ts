import { createHash } from 'node:crypto'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { run } from '../run.ts'
import type { Program } from './versions.ts'

interface Release {
  readonly url: string
  /** Where the SHA-256 is published: the bare digest, or lines of digest and file name. */
  readonly checksums: string
  /** Path of the program inside the archive; without it the file is the program. */
  readonly member?: string
}

const release = ({ name, version, arch }: Program): Release | undefined => {
  if (name === 'helm') {
    const url = `https://get.helm.sh/helm-v${version}-linux-${arch}.tar.gz`
    return { url, checksums: `${url}.sha256sum`, member: `linux-${arch}/helm` }
  }
  if (name === 'etcd') {
    const folder = `etcd-v${version}-linux-${arch}`
    const base = `https://github.com/etcd-io/etcd/releases/download/v${version}`
    return { url: `${base}/${folder}.tar.gz`, checksums: `${base}/SHA256SUMS`, member: `${folder}/etcd` }
  }
  // kwok publishes no checksums beside its binaries: it is built, which the checksum database covers.
  if (name === 'kwok') return undefined
  const url = `https://dl.k8s.io/release/v${version}/bin/linux/${arch}/${name}`
  return { url, checksums: `${url}.sha256` }
}

/** Milliseconds to wait for the small checksum file: it says whether the host can be reached at all. */
const connectLimit = 3000
const downloadLimit = 300_000

/** Hosts that did not answer in this run: asked once, not once for each file. */
const unreachable = new Set<string>()

const fetchBytes = async (url: string, limitMs: number): Promise<Buffer> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(limitMs) })
  if (!response.ok) throw new Error(`${url}: ${response.status}`)
  return Buffer.from(await response.arrayBuffer())
}

const publishedDigest = (checksums: string, url: string): string | undefined => {
  const file = url.slice(url.lastIndexOf('/') + 1)
  const line = checksums.split('\n').find((text) => text.includes(file)) ?? checksums
  return /\b[0-9a-f]{64}\b/.exec(line)?.[0]
}

/**
 * Downloads the official release of a program.
 * @param into folder that gets the program, under its name
 * @returns false when there is no release to trust or its host cannot be reached
 * @throws Error when what was downloaded does not match its published checksum
 */
export const downloadBinary = async (program: Program, into: string): Promise<boolean> => {
  const { name } = program
  const found = release(program)
  if (found === undefined || unreachable.has(new URL(found.url).host)) return false
  let digest: string | undefined
  let bytes: Buffer
  try {
    digest = publishedDigest((await fetchBytes(found.checksums, connectLimit)).toString('utf8'), found.url)
    bytes = await fetchBytes(found.url, downloadLimit)
  } catch {
    unreachable.add(new URL(found.url).host)
    return false
  }
  const got = createHash('sha256').update(bytes).digest('hex')
  if (got !== digest) throw new Error(`${found.url} has the SHA-256 ${got}, published is ${digest ?? 'none'}`)
  if (found.member === undefined) {
    await writeFile(`${into}/${name}`, bytes)
    return true
  }
  const folder = await mkdtemp(`${into}/.archive-`)
  await writeFile(`${folder}/archive.tar.gz`, bytes)
  await run('tar', ['-xzf', `${folder}/archive.tar.gz`, '-C', folder, found.member])
  await rename(`${folder}/${found.member}`, `${into}/${name}`)
  await rm(folder, { recursive: true })
  return true
}
