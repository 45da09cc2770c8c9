import type { Context } from 'hono'
import type { TelpherError } from '../model/errors.ts'
import type { ApiEnv } from './context.ts'

/**
 * The bytes of a request's body, whatever its headers say of their number: never more than the limit in memory.
 * @param limit bytes
 * @throws TelpherError what `tooLong` makes, as soon as it is known
 */
export const readBody = async (context: Context<ApiEnv>, limit: number, tooLong: () => TelpherError): Promise<Buffer> => {
  const refuse = (): never => {
    // The rest of the body is not read, so the connection cannot serve another request.
    context.header('connection', 'close')
    throw tooLong()
  }
  if (Number(context.req.header('content-length') ?? 0) > limit) refuse()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of context.req.raw.body ?? []) {
    size += chunk.length
    if (size > limit) refuse()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
