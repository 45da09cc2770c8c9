import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, createZstdDecompress } from 'node:zlib'
import { bindTargets } from './bound.ts'
import type { Api, ApiDeps } from './context.ts'
import { on, parsed } from './on.ts'
import { backupQuery } from './schemas.ts'

/** Everything that lasts, as one file, and back. */
export const addBackupRoutes = (api: Api, { store, kids, binder, log }: ApiDeps): void => {
  on(api, 'backup', (context) => {
    const { logs } = parsed(backupQuery, context.req.query())
    const packed = createZstdCompress()
    pipeline(Readable.from(store.backup.read({ logs: logs !== 'false' })), packed).catch((error: unknown) => {
      // The answer has begun, so all that can be done is to cut it: a backup without its end is none.
      log.error({ err: error, requestId: context.get('requestId') }, 'a backup broke')
    })
    return context.body(Readable.toWeb(packed) as ReadableStream, 200, { 'content-type': 'application/zstd' })
  })
  on(api, 'restore', async (context) => {
    const unpacked = createZstdDecompress()
    const source = Readable.from(context.req.raw.body ?? [])
    // What is wrong with the bytes shows where they are read.
    pipeline(source, unpacked).catch(() => {})
    try {
      const restored = await store.backup.restore(unpacked, kids)
      // They were bound to the servers that were backed up, which may have signed with another key.
      await bindTargets(store, binder)
      return context.json(restored)
    } catch (thrown) {
      // The rest of the body is not read, so the connection cannot serve another request.
      context.header('connection', 'close')
      throw thrown
    } finally {
      unpacked.destroy()
    }
  })
}
