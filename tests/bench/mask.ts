import { randomBytes } from 'node:crypto'
import { createMasker, maskRules } from '../../src/credentials/mask.ts'
import { Secret } from '../../src/model/secret.ts'
import { type Figure, median, rounded } from './figures.ts'

const mebibyte = 1024 * 1024
/** What a read from a container's stream brings at most. */
const chunkBytes = 64 * 1024

/** Lines as kubectl and helm write them, none of them with a secret. */
const sampleOutput = (bytes: number): Buffer => {
  const lines: string[] = []
  for (let size = 0, n = 0; size < bytes; n++) {
    const line = `2026-11-30T06:14:${n % 60} deployment.apps/web-${n} configured, ${(n * 7919) % 97} of 97 replicas (${randomBytes(6).toString('hex')})\n`
    lines.push(line)
    size += line.length
  }
  return Buffer.from(lines.join('')).subarray(0, bytes)
}

/** Megabytes (10^6) a second of processor time: the work is one thread's alone, and whatever else the machine does is not its affair. */
const rateOf = (bytes: number, work: () => void): number => {
  const start = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(start)
  return bytes / (user + system)
}

const chunksOf = (text: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(text.length / chunkBytes) }, (_, n) => text.subarray(n * chunkBytes, (n + 1) * chunkBytes))

/**
 * `mask.mb_s_10`, `mask.mb_s_100`, `mask.mb_s_600`: output through the masker with so many secrets of 40 bytes, in all of their forms and pieces,
 * beside one String.replaceAll a secret, which finds none that is encoded, cut off, or parted by two chunks.
 */
export const maskSuite = (runs: number): Figure[] =>
  [10, 100, 600].map((count) => {
    const secrets = Array.from({ length: count }, () => randomBytes(30).toString('base64'))
    const rules = maskRules(secrets.map((secret) => new Secret(secret)))
    const text = chunksOf(sampleOutput(16 * mebibyte))
    const few = text.slice(0, Math.max(8, Math.ceil(text.length / count)))
    const bytesOf = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const ours: number[] = []
    const peer: number[] = []
    for (let run = 0; run < runs; run++) {
      ours.push(
        rateOf(bytesOf(text), () => {
          const masker = createMasker(rules)
          for (const chunk of text) masker.push(chunk)
          masker.flush()
        }),
      )
      peer.push(
        rateOf(bytesOf(few), () => {
          for (const chunk of few) secrets.reduce((masked, secret) => masked.replaceAll(secret, '********'), chunk.toString('utf8'))
        }),
      )
    }
    const value = median(ours)
    const other = median(peer)
    return {
      id: `mask.mb_s_${count}`,
      value: rounded(value),
      unit: 'MB/s',
      runs,
      ratio: rounded(value / other),
      peer: { name: 'a replace per secret', value: rounded(other) },
    }
  })
