import type { AuditCredential } from '../model/audit.ts'
import type { Credential } from '../model/credential.ts'
import type { AttemptRef } from '../model/deployment.ts'
import { toTelpherError } from '../model/errors.ts'
import type { Given, Minting } from '../model/ports.ts'
import type { Target } from '../model/target.ts'

/**
 * Minting of which every credential that is given out and taken back is recorded: nobody holds one that the record does not know.
 * @param who gives them out, in the words of the record
 */
export const recordingMinting = (minting: Minting, who: string, record: (entry: AuditCredential) => Promise<void>): Minting => {
  const recorder =
    (target: Target, { deploymentId, jobId, attempt }: AttemptRef) =>
    (action: AuditCredential['action'], more: Partial<AuditCredential>): Promise<void> =>
      record({
        type: 'credential',
        action,
        at: Date.now(),
        who,
        target: target.name,
        deploymentId,
        jobId,
        attempt,
        outcome: 'done',
        ...more,
      })
  const failed = (thrown: unknown): Partial<AuditCredential> => ({ outcome: 'failed', code: toTelpherError(thrown).code })
  const factsOf = ({ id, expiresAt }: Credential): Partial<AuditCredential> => ({
    credentialId: id,
    ...(expiresAt === undefined ? {} : { expiresAt: Math.round(expiresAt) }),
  })
  /** Does it, and says what came of it; an error stays what it was. */
  const noted = async <T>(
    note: ReturnType<typeof recorder>,
    action: AuditCredential['action'],
    work: () => Promise<T>,
    facts: (value: T) => Partial<AuditCredential>,
  ): Promise<T> => {
    let value: T
    try {
      value = await work()
    } catch (thrown) {
      await note(action, failed(thrown)).catch(() => {})
      throw thrown
    }
    await note(action, facts(value))
    return value
  }

  const givenOf = (given: Given): Partial<AuditCredential> => (given === 'use-own' ? {} : factsOf(given.credential))

  return {
    grant: (target, attempt, lifetimeMs) =>
      noted(recorder(target, attempt), 'mint', () => minting.grant(target, attempt, lifetimeMs), givenOf),
    renew: (target, attempt, lifetimeMs) =>
      noted(recorder(target, attempt), 'renew', () => minting.renew(target, attempt, lifetimeMs), givenOf),
    end: (target, attempt) =>
      noted(
        recorder(target, attempt),
        'revoke',
        () => minting.end(target, attempt),
        () => ({}),
      ),
    fence: (target, attempt) =>
      noted(
        recorder(target, attempt),
        'fence',
        () => minting.fence(target, attempt),
        () => ({}),
      ),
    async sweep(target, isOver) {
      const over: AttemptRef[] = []
      const swept = await minting.sweep(target, async (attempt) => {
        const verdict = await isOver(attempt)
        if (verdict === true) over.push(attempt)
        return verdict
      })
      for (const attempt of over) await recorder(target, attempt)('sweep', {})
      return swept
    },
  }
}
