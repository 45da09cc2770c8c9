import { gunzipSync, gzipSync } from 'node:zlib'
import { TelpherError } from '../model/errors.ts'

/** A release as helm stores it, as far as we read and write it (helm: pkg/release/v1); everything else is kept. */
export interface Release {
  info?: { status?: string; description?: string; [field: string]: unknown }
  [field: string]: unknown
}

/** ECMAScript's source text access for JSON, which TypeScript's library does not know yet. */
const exactJson = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { readonly source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
}

/** Values of a chart may hold numbers that a double cannot: they are written back digit for digit. */
const keepNumbers = (_key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value === 'number' && source !== undefined ? exactJson.rawJSON(source) : value

/** Kubernetes takes no Secret above 1 MiB; what expands further than this is no release. */
const largest = 256 * 1024 * 1024

const inflate = (bytes: Buffer): Buffer =>
  bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes, { maxOutputLength: largest }) : bytes

/**
 * Reads what helm keeps in `data.release` of its Secret: base64 (the Secret's) of base64 (helm's) of JSON, gzipped or, from
 * old versions, plain (helm: pkg/storage/driver/util.go).
 * @throws TelpherError target_error when it is anything else
 */
export const decodeRelease = (data: string): Release => {
  try {
    const bytes = inflate(Buffer.from(Buffer.from(data, 'base64').toString('latin1'), 'base64'))
    return exactJson.parse(bytes.toString('utf8'), keepNumbers) as Release
  } catch (cause) {
    throw new TelpherError('target_error', 'the record of the Helm release cannot be read', { cause })
  }
}

/** The inverse of decodeRelease. */
export const encodeRelease = (release: Release): string =>
  Buffer.from(gzipSync(JSON.stringify(release), { level: 9 }).toString('base64'), 'latin1').toString('base64')
