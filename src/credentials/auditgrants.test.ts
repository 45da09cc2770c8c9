import { expect, test } from 'vitest'
import type { AuditCredential } from '../model/audit.ts'
import { TelpherError } from '../model/errors.ts'
import type { Minting } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import type { Target } from '../model/target.ts'
import { recordingMinting } from './auditgrants.ts'

const attempt = { deploymentId: 'dep_1', jobId: 'job_1', attempt: 2 }
const target = { name: 'prod' } as Target

/** Grants that count the credentials they give. @param refused what goes wrong */
const recorded = (refused?: TelpherError) => {
  const entries: AuditCredential[] = []
  let count = 0
  const next = async () => {
    if (refused !== undefined) throw refused
    return { id: `jti-${++count}`, kind: 'bearer', token: new Secret(`token-${count}`), expiresAt: 1000.5 } as const
  }
  const given = async () => ({ credential: await next(), renewable: true })
  const minting: Minting = {
    grant: given,
    renew: given,
    end: async () => {},
    fence: async () => {
      await next()
    },
    sweep: async (_, isOver) => ((await isOver(attempt)) === true ? 1 : 0),
  }
  const record = async (entry: AuditCredential): Promise<void> => void entries.push(entry)
  return { grants: recordingMinting(minting, 'server', record), entries, said: () => entries.map(({ at: _, ...entry }) => entry) }
}
const common = { type: 'credential', who: 'server', target: 'prod', ...attempt, outcome: 'done' }

test('what is given out, renewed and taken back is recorded by its id, and no token', async () => {
  const { grants, said } = recorded()
  await grants.grant(target, attempt, 1)
  await grants.renew(target, attempt, 1)
  await grants.end(target, attempt)
  await grants.fence(target, attempt)
  expect(await grants.sweep(target, async () => true)).toBe(1)
  expect(await grants.sweep(target, async () => 'unknown')).toBe(0)
  expect(said()).toEqual([
    { ...common, action: 'mint', credentialId: 'jti-1', expiresAt: 1001 },
    { ...common, action: 'renew', credentialId: 'jti-2', expiresAt: 1001 },
    { ...common, action: 'revoke' },
    { ...common, action: 'fence' },
    { ...common, action: 'sweep' },
  ])
  expect(JSON.stringify(said())).not.toContain('token-')
})

test('a refusal is recorded by its code, and stays what it was', async () => {
  const { grants, said } = recorded(new TelpherError('mint_refused', 'no'))
  await expect(grants.grant(target, attempt, 1)).rejects.toMatchObject({ code: 'mint_refused' })
  await expect(grants.fence(target, attempt)).rejects.toMatchObject({ code: 'mint_refused' })
  expect(said()).toEqual([
    { ...common, action: 'mint', outcome: 'failed', code: 'mint_refused' },
    { ...common, action: 'fence', outcome: 'failed', code: 'mint_refused' },
  ])
})
