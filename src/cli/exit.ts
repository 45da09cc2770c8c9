import { type ErrorCode, errorTable } from '../model/errors.ts'
import type { Result } from '../model/states.ts'

/** Exit codes of every command; they are part of the interface (docs/reference/commands.md). */
export const exitCodes = {
  ok: 0,
  internal: 1,
  usage: 2,
  unreachable: 3,
  permission: 4,
  notFound: 5,
  failed: 10,
  cancelled: 11,
  waitTimedOut: 12,
  interrupted: 130,
} as const

const special: Partial<Record<ErrorCode, number>> = {
  server_unreachable: exitCodes.unreachable,
  unauthorized: exitCodes.permission,
  unknown_target: exitCodes.notFound,
  unknown_deployment: exitCodes.notFound,
  unknown_freeze: exitCodes.notFound,
  unknown_pool: exitCodes.notFound,
  unknown_secret: exitCodes.notFound,
  unknown_route: exitCodes.notFound,
  unknown_worker: exitCodes.notFound,
}

/** The exit code of a command that ended with an error. */
export const exitOfError = (code: ErrorCode): number =>
  special[code] ?? (errorTable[code][1] === 'user' ? exitCodes.usage : exitCodes.internal)

/** The exit code of a deployment that ended. */
export const exitOfResult = (result: Result): number => {
  if (result === 'success' || result === 'skip') return exitCodes.ok
  return result === 'cancellation' ? exitCodes.cancelled : exitCodes.failed
}
