import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/cluster/connection.ts'
import type { Mode } from '../../src/credentials/modes/mode.ts'
import type { Credential } from '../../src/model/credential.ts'
import type { AttemptRef } from '../../src/model/deployment.ts'
import { newId } from '../../src/model/ids.ts'
import type { ClusterConnection } from '../../src/model/ports.ts'
import { Secret } from '../../src/model/secret.ts'
import type { Cluster } from '../../src/sandbox/cluster.ts'
import { eventually } from '../support/eventually.ts'
import { sharedCluster } from '../support/sandbox.ts'

/** A mode and what the contract needs to know of it. */
export interface ModeUnderTest {
  readonly mode: Mode
  /** Whom the API server takes its credentials for. */
  readonly username: string
  /** The same mode with an account that the API server refuses. */
  readonly refused: Mode
  /** Whether the same attempt gets another credential each time. */
  readonly mintsAnew?: boolean
  /** What is left in the cluster of an attempt. */
  leftovers(attempt: AttemptRef): Promise<readonly string[]>
}

export const newAttempt = (attempt = 1): AttemptRef => ({ deploymentId: newId('dep'), jobId: newId('job'), attempt })

/** Connects to a cluster of the tests with any credential. */
export const connector =
  ({ server, caPem }: Pick<Cluster, 'server' | 'caPem'>) =>
  (credential: Credential): ClusterConnection =>
    connect({ server, ca: caPem }, credential)

export const bearer = (token: string): Credential => ({ id: 'test', kind: 'bearer', token: new Secret(token) })

/** What GET /version is answered with. */
export const statusWith = async (cluster: Pick<Cluster, 'server' | 'caPem'>, credential: Credential): Promise<number> => {
  const connection = connector(cluster)(credential)
  try {
    const answer = await connection.request({ method: 'GET', path: '/version' })
    answer.body.resume()
    return answer.status
  } finally {
    connection.close()
  }
}

const secretOf = (credential: Credential): string => (credential.kind === 'bearer' ? credential.token.reveal() : credential.key.reveal())

/**
 * What every mode promises, on a real API server.
 * @param clusterOf where the mode is set up; the run's shared one when absent
 */
export const modeContract = (
  name: string,
  begin: (cluster: Cluster) => Promise<ModeUnderTest>,
  clusterOf: () => Promise<Cluster> = () => sharedCluster('none'),
): void => {
  describe(`the mode ${name}`, () => {
    let cluster: Cluster
    let under: ModeUnderTest
    beforeAll(async () => {
      cluster = await clusterOf()
      under = await begin(cluster)
    })
    const minted: AttemptRef[] = []
    const mint = async (attempt = newAttempt()): Promise<{ attempt: AttemptRef; credential: Credential }> => {
      minted.push(attempt)
      return { attempt, credential: await under.mode.mint(attempt, 600_000) }
    }
    afterAll(async () => {
      for (const attempt of minted) await under.mode.revoke(attempt)
    })

    test('is called so', () => expect(under.mode.name).toBe(name))

    test('mints what the API server takes', async () => {
      const { credential } = await mint()
      expect(await statusWith(cluster, credential)).toBe(200)
      expect(credential.id).not.toBe('')
      expect(JSON.stringify(credential)).not.toContain(secretOf(credential).slice(-20))
    })

    test('says who it is, and leaves nothing for having asked', async () => {
      const before = await under.mode.outstanding()
      expect(await under.mode.verify()).toMatchObject({ username: under.username })
      expect((await under.mode.outstanding()).length).toBeLessThanOrEqual(before.length)
    })

    test('an account that is refused is said to be', async () => {
      await expect(under.refused.verify()).rejects.toMatchObject({ code: 'target_unauthorized' })
    })

    test('gives a renewable attempt another credential that is taken', async () => {
      const { attempt, credential } = await mint()
      const again = await under.mode.mint(attempt, 600_000)
      expect(again.id === credential.id).toBe(under.mintsAnew !== true)
      expect(await statusWith(cluster, again)).toBe(200)
    })

    test('what expires says when, by our clock', async () => {
      const { credential } = await mint()
      if (credential.expiresAt === undefined) return expect(under.mode.renewable).toBe(false)
      expect(credential.expiresAt).toBeGreaterThan(Date.now() + 300_000)
      expect(credential.expiresAt).toBeLessThan(Date.now() + 400 * 86_400_000)
    })

    test('revoking twice, or what was never minted, is fine', async () => {
      const { attempt } = await mint()
      await under.mode.revoke(attempt)
      await under.mode.revoke(attempt)
      await under.mode.revoke(newAttempt())
      expect(await under.leftovers(attempt)).toEqual([])
    })

    test('what was revoked is refused within 15 s where that is promised, and goes on where it is not', async () => {
      const { attempt, credential } = await mint()
      expect(await statusWith(cluster, credential)).toBe(200)
      const begun = performance.now()
      await under.mode.revoke(attempt)
      if (!under.mode.revocable) return expect(await statusWith(cluster, credential)).toBe(200)
      await eventually(async () => (await statusWith(cluster, credential)) === 401)
      expect(performance.now() - begun).toBeLessThan(15_000)
    })
  })
}
