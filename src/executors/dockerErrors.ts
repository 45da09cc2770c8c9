import { type ErrorCode, TelpherError } from '../model/errors.ts'

// ABORT_ERR is our own limit on the time of an answer: a caller's signal never ends a request.
const unreachable = new Set(['ECONNREFUSED', 'ENOENT', 'EACCES', 'EPERM', 'ECONNRESET', 'EPIPE', 'ENOTSOCK', 'ETIMEDOUT', 'ABORT_ERR'])

const read = (thrown: unknown, name: string): unknown =>
  typeof thrown === 'object' && thrown !== null ? (thrown as Record<string, unknown>)[name] : undefined

/** The HTTP status that the engine answered with, if it answered. */
export const engineStatus = (thrown: unknown): number | undefined => {
  const status = read(thrown, 'statusCode')
  return typeof status === 'number' ? status : undefined
}

/** Whether nobody answered at the engine's socket, or the answer broke off. */
export const isUnreachable = (thrown: unknown): boolean => {
  const code = read(thrown, 'code')
  return (typeof code === 'string' && unreachable.has(code)) || (thrown instanceof Error && thrown.message === 'socket hang up')
}

/** What the engine itself said, without the library's frame around it. */
export const engineSentence = (thrown: unknown): string => {
  const said = read(read(thrown, 'json'), 'message')
  if (typeof said === 'string') return said.trim()
  if (read(thrown, 'code') === 'ABORT_ERR') return 'no answer in time'
  return thrown instanceof Error ? thrown.message.trim() : String(thrown)
}

/**
 * What a call to the engine threw, as a TelpherError.
 * @param doing the rest of the sentence "Docker could not …"
 * @param code what it counts as when the engine did answer
 */
export const dockerError = (thrown: unknown, doing: string, code: ErrorCode = 'container_start'): TelpherError => {
  if (thrown instanceof TelpherError) return thrown
  if (isUnreachable(thrown))
    return new TelpherError('docker_unreachable', `Docker could not ${doing}: ${engineSentence(thrown)}`, { cause: thrown })
  return new TelpherError(code, `Docker could not ${doing}: ${engineSentence(thrown)}`, { cause: thrown })
}
