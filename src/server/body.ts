import type { Context } from 'hono'
import { TelpherError } from '../model/errors.ts'
import type { ApiEnv } from './context.ts'

/**
 * The bytes of a request's body, whatever its headers say of their number: never more than the limit in memory, and one copy where their number is said.
 * @param limit bytes
 * @throws TelpherError what `tooLong` makes, as soon as it is known; invalid_input when the client goes away
 */
export const readBody = async (context: Context<ApiEnv>, limit: number, tooLong: () => TelpherError): Promise<Buffer> => {
  const refuse = (): never => {
    // The rest of the body is not read, so the connection cannot serve another request.
    context.header('connection', 'close')
    throw tooLong()
  }
  const said = Number(context.req.header('content-length') ?? Number.NaN)
  if (said > limit) refuse()
  const known = Number.isSafeInteger(said) ? Buffer.allocUnsafe(said) : undefined
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of context.req.raw.body ?? []) {
      const start = size
      size += chunk.length
      if (size > (known?.length ?? limit)) refuse()
      if (known === undefined) chunks.push(chunk)
      else known.set(chunk, start)
    }
  } catch (thrown) {
    throw thrown instanceof TelpherError
      ? thrown
      : new TelpherError('invalid_input', 'the request broke off before its end', { cause: thrown })
  }
  if (known !== undefined && size < known.length) throw new TelpherError('invalid_input', 'the request broke off before its end')
  return known ?? Buffer.concat(chunks)
}
