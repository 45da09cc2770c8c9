import { createHash } from 'node:crypto'
import { z } from 'zod'
import { TelpherError } from '../model/errors.ts'
import { readBody } from './body.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, param, parsed } from './on.ts'

const longest = 64 * 1024 * 1024

const sumSchema = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/, 'give a SHA-256 as 64 hexadecimal digits') })

/**
 * Compares with what the client says it sends: `Content-Digest: sha-256=:BASE64:` (RFC 9530); other sums are not looked at.
 * @throws TelpherError package_refused
 */
const mustBeAsSaid = (bytes: Buffer, digests: string | undefined): void => {
  const [, said] = /(?:^|[\s,])sha-256=:([A-Za-z0-9+/=]*):/.exec(digests ?? '') ?? []
  if (said === undefined) return
  const sum = createHash('sha256').update(bytes).digest('base64')
  if (sum !== said) throw new TelpherError('package_refused', 'what came is not what was sent: its SHA-256 is another, so upload it again')
}

/** Packages by their SHA-256: uploaded once, asked for with HEAD or GET. */
export const addPackageRoutes = (api: Api, { store, packages }: ApiDeps): void => {
  on(api, 'putPackage', async (context) => {
    await store.memory.mustHaveRoom()
    const bytes = await readBody(context, longest, () => new TelpherError('package_too_large', 'a package may have 64 MiB'))
    if (bytes.length === 0) throw new TelpherError('empty_package', 'the package is empty')
    // gzip (RFC 1952) begins so: what is no tarball is refused before a worker finds it.
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw new TelpherError('package_refused', 'a package is a tarball packed with gzip')
    mustBeAsSaid(bytes, context.req.header('content-digest'))
    const stored = await packages.put(bytes)
    return context.json(stored, 201, { location: `/v1/packages/${stored.sha256}` })
  })
  on(api, 'hasPackage', async (context) => {
    const { sha256 } = parsed(sumSchema, { sha256: param(context, 'sha256') })
    // Who asks with HEAD wants to know whether it is to be uploaded.
    const isThere = context.req.method === 'HEAD' ? await packages.isSealed(sha256) : (await packages.find(sha256)) !== undefined
    if (!isThere) throw new TelpherError('package_missing', `there is no package ${sha256}`)
    return context.json({ sha256 })
  })
}
