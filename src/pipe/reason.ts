import { TelpherError } from '../model/errors.ts'

/** Why a pipe was ended, as the other end is told: a system error code, or one of ours. */
interface Reason {
  readonly code: string
  readonly message: string
}

const longest = 300
/** No target of the pool; no room for another pipe; an address that no target may have; the way itself is cut. */
const ours = { pipe_refused: 'refused', pipe_busy: 'busy', target_address: 'address', pipe_cut: 'cut' } as const

const shown = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, longest)

const codeOf = (error: Error): string => {
  if (error instanceof TelpherError) return error.code in ours ? ours[error.code as keyof typeof ours] : 'cut'
  return 'code' in error && typeof error.code === 'string' ? error.code : 'cut'
}

/** The payload of a reset. */
export const encodeReason = (error?: Error): Buffer => {
  const reason: Reason = error === undefined ? { code: 'cut', message: 'it was closed' } : { code: codeOf(error), message: error.message }
  return Buffer.from(JSON.stringify({ code: shown(reason.code), message: shown(reason.message) }))
}

const parse = (payload: Buffer): Reason => {
  try {
    const { code, message } = JSON.parse(payload.toString()) as Partial<Record<keyof Reason, unknown>>
    return { code: typeof code === 'string' ? code : 'cut', message: typeof message === 'string' ? shown(message) : '' }
  } catch {
    return { code: 'cut', message: 'without a reason' }
  }
}

/**
 * What the payload of a reset says, as an error: of ours where the pipe is at fault, and as the system gave it where the connection behind it is,
 * so that it is told as if the connection were our own.
 * @param by who sent it
 */
export const decodeReason = (payload: Buffer, by: string): Error => {
  const { code, message } = parse(payload)
  if (/^[A-Z][A-Z0-9_]{1,40}$/.test(code)) return Object.assign(new Error(message), { code })
  const known = Object.entries(ours).find(([, short]) => short === code)?.[0] as keyof typeof ours | undefined
  return new TelpherError(known ?? 'pipe_cut', `${by}: ${message}`)
}
