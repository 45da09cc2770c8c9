import { gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import type { Cluster, Redis } from 'ioredis'

const flat = (answer: unknown): Buffer[] => {
  if (Buffer.isBuffer(answer)) return [answer]
  return Array.isArray(answer) ? answer.flatMap(flat) : []
}

/** Everything that a key holds. */
export const valuesOf = async (client: Redis | Cluster, key: string): Promise<Buffer[]> => {
  const read: Readonly<Record<string, readonly [string, ...string[]]>> = {
    string: ['GET', key],
    hash: ['HGETALL', key],
    list: ['LRANGE', key, '0', '-1'],
    set: ['SMEMBERS', key],
    zset: ['ZRANGE', key, '0', '-1'],
    stream: ['XRANGE', key, '-', '+'],
  }
  const [command, ...args] = read[await client.type(key)] ?? ['GET', key]
  return flat(await client.callBuffer(command, ...args))
}

/** Node refuses a gzip with something behind it, and a bare deflate not: without flags its header has 10 bytes (RFC 1952, 2.3). */
const gunzip: typeof inflateRawSync = (bytes, options) => {
  const given = bytes as Buffer
  return given[3] === 0 ? inflateRawSync(given.subarray(10), options) : gunzipSync(given, options)
}

/** How gzip (RFC 1952) and zstd (RFC 8878) begin. */
const heads = [
  [Buffer.from([0x1f, 0x8b, 0x08]), gunzip],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), zstdDecompressSync],
] as const

const unpacked = (bytes: Buffer): Buffer[] =>
  heads.flatMap(([head, unpack]) => {
    const found: Buffer[] = []
    for (let at = bytes.indexOf(head); at >= 0; at = bytes.indexOf(head, at + 1))
      try {
        found.push(unpack(bytes.subarray(at), { finishFlush: 2, maxOutputLength: 2 ** 28 }))
      } catch {
        // It only looked like one.
      }
    return found
  })

/** What is packed in a value, at any place of it, in base64 too. */
export const packedIn = (bytes: Buffer): Buffer[] => {
  // The same heads in base64.
  const encoded = bytes.toString('latin1').match(/(?:H4sI|KLUv)[A-Za-z0-9+/]{20,}={0,2}/g) ?? []
  const decoded = encoded.map((text) => Buffer.from(text, 'base64'))
  return [...unpacked(bytes), ...decoded.flatMap(unpacked)]
}
