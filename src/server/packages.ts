import { TelpherError } from '../model/errors.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, param } from './on.ts'

const longest = 64 * 1024 * 1024

/** Uploads, chunk by chunk up to the limit. */
const readUpload = async (body: ReadableStream<Uint8Array> | null): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > longest) throw new TelpherError('package_too_large', 'a package may have 64 MiB')
    chunks.push(chunk)
  }
  if (size === 0) throw new TelpherError('empty_package', 'the package is empty')
  return Buffer.concat(chunks)
}

export const addPackageRoutes = (api: Api, { store }: ApiDeps): void => {
  on(api, 'putPackage', async (context) => context.json(await store.packages.put(await readUpload(context.req.raw.body)), 201))
  on(api, 'hasPackage', async (context) => {
    const sha256 = param(context, 'sha256')
    if (!(await store.packages.has(sha256))) throw new TelpherError('package_missing', `there is no package ${sha256}`)
    return context.json({ sha256 })
  })
}
