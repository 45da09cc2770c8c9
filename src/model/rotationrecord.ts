import type { AuditActions, AuditEntry } from './audit.ts'
import type { ErrorCode } from './errors.ts'
import type { Rotation, RotationEvent } from './rotation.ts'
import type { Target } from './target.ts'

const actions: Readonly<Record<RotationEvent['type'], AuditActions['rotation']>> = {
  begin: 'begin',
  made: 'mint',
  lost: 'mint',
  sealed: 'seal',
  verified: 'verify',
  switched: 'switch',
  waits: 'alarm',
  revoke: 'revoke',
  dead: 'confirm',
  closed: 'end',
  failed: 'end',
  rolledBack: 'roll-back',
}

/** Why it was done, where that is not plain from what was. */
const reasonOf = (event: RotationEvent): string | undefined => {
  if (event.type === 'begin') {
    if (event.hurry) return 'in wrong hands'
    return event.isDue === true ? 'due' : 'asked for'
  }
  if (event.type === 'rolledBack') return event.why === undefined ? 'asked for' : 'attempts were refused'
  return event.type === 'revoke' ? event.rests : undefined
}

const codeOf = (event: RotationEvent): ErrorCode | undefined => {
  if (event.type === 'failed' || event.type === 'waits') return event.code
  return event.type === 'rolledBack' ? event.why?.code : undefined
}

/**
 * An event of a rotation for the record of who did what. Messages are not in it: an API server may quote what it was sent.
 * @param rotation as the event made it
 * @param at ms since the epoch
 * @param credential by what the credential that it is about is known: the JTI of a token, or a fingerprint
 */
export const recordOf = (
  { name, account }: Pick<Target, 'name' | 'account'>,
  event: RotationEvent,
  { state, version, next, previous, id }: Rotation,
  at: number,
  credential?: string,
): AuditEntry => {
  const [code, reason] = [codeOf(event), reasonOf(event)]
  return {
    type: 'rotation',
    at,
    who: 'server',
    target: name,
    action: actions[event.type],
    name: account.id,
    outcome: ['failed', 'lost', 'waits'].includes(event.type) ? 'failed' : 'done',
    ...(code === undefined ? {} : { code }),
    detail: {
      state,
      version,
      ...(next === undefined ? {} : { next }),
      ...(previous === undefined ? {} : { previous }),
      ...(credential === undefined ? {} : { credential }),
      ...(reason === undefined ? {} : { reason }),
      ...(id === undefined ? {} : { rotation: id }),
      ...(event.type === 'dead' ? { dead: event.version } : {}),
      ...(event.type === 'begin' ? { source: event.source } : {}),
    },
  }
}
