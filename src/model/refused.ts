import type { ErrorCode } from './errors.ts'
import type { AccountMode } from './target.ts'

/** So many attempts must have been refused since the switch, and at least half of all that ended. */
const fewest = 3
const share = 0.5

/** An attempt that came to an end, as a witness of the credential that it began with; times in ms since the epoch. */
export interface AttemptEnd {
  readonly startedAt: number
  readonly code?: ErrorCode
}

export interface Refused {
  readonly refused: number
  readonly of: number
}

/**
 * What says that the API server refuses a credential: 401 and, where attempts act with the account itself, 403. In the mode token-request they act with
 * tokens of another identity, whose rights no version of the account changes: there only a refused mint counts.
 */
const codesOf = (mode: AccountMode): readonly ErrorCode[] => [
  'target_unauthorized',
  mode === 'token-request' ? 'mint_refused' : 'target_forbidden',
]

const count = (ends: readonly AttemptEnd[], codes: readonly ErrorCode[]): Refused => ({
  refused: ends.filter(({ code }) => code !== undefined && codes.includes(code)).length,
  of: ends.length,
})
const isMuch = ({ refused, of }: Refused): boolean => refused > 0 && refused >= of * share

/**
 * Whether attempts began to be refused when their target's account was switched: three, and half of all that began since and ended. Where they
 * were refused as much before, the switch is not why.
 * @param ends of attempts that began in the last minutes
 * @param switchedAt ms since the epoch
 * @returns how many of how many; undefined when they were not
 */
export const refusedSince = (ends: readonly AttemptEnd[], switchedAt: number, mode: AccountMode): Refused | undefined => {
  const codes = codesOf(mode)
  const after = count(
    ends.filter(({ startedAt }) => startedAt > switchedAt),
    codes,
  )
  const before = count(
    ends.filter(({ startedAt }) => startedAt <= switchedAt),
    codes,
  )
  return after.refused >= fewest && isMuch(after) && !isMuch(before) ? after : undefined
}
