import { createHash } from 'node:crypto'
import type { Credential } from '../../model/credential.ts'
import type { AttemptRef } from '../../model/deployment.ts'
import { TelpherError } from '../../model/errors.ts'
import { newId } from '../../model/ids.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import { Secret } from '../../model/secret.ts'
import { claimsOf } from '../jwt.ts'
import { ask, said, type Told } from './ask.ts'
import { attemptOf, attemptSecret, attemptSecretName, installationSelector } from './attempt-secret.ts'
import { lifetimeOf } from './lifetime.ts'
import type { Mode } from './mode.ts'
import { whoIs } from './who.ts'

export interface TokenRequestOptions {
  /** The target's address, for errors. */
  readonly server: string
  /** A connection with the bootstrap identity's own credential. */
  readonly bootstrap: ClusterConnection
  /** Another one to the same API server. */
  readonly connect: (credential: Credential) => ClusterConnection
  /** The service account that attempts get tokens of, and where their Secrets lie: a bound object must be in its namespace. */
  readonly namespace: string
  readonly serviceAccount: string
  /** Tells our Secrets from those of other installations. */
  readonly installation: string
}

interface SecretAnswer {
  readonly metadata?: {
    readonly name?: string
    readonly uid?: string
    readonly creationTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
  }
}
interface TokenAnswer {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string }
}

/** What an answer that is no success means for whoever set the target up. */
const refused = (what: string, told: Told): TelpherError => {
  if (told.status === 401) return new TelpherError('target_unauthorized', 'the API server refused the bootstrap identity (401)')
  return new TelpherError('mint_refused', `the bootstrap identity cannot ${what} (${told.status})${said(told)}`)
}

/**
 * Its life by the server's own clock, counted from now by ours: the clocks may differ.
 * A token that is no JWT is read by the answer's time instead, which is exact to a second.
 */
const lifeOf = (token: string, expirationTimestamp: string | undefined, { date }: Told): number => {
  const { issuedAt, expiresAt } = claimsOf(token)
  if (issuedAt !== undefined && expiresAt !== undefined) return expiresAt - issuedAt
  return Date.parse(expirationTimestamp ?? '') - date
}

/**
 * Tokens by TokenRequest, bound to a Secret of the attempt's own: deleting the Secret ends them within seconds, on every API server
 * (kubernetes pkg/serviceaccount/claims.go: the bound object must exist with the same uid).
 */
export const tokenRequestMode = (options: TokenRequestOptions): Mode => {
  const { server, connect, namespace, serviceAccount, installation } = options
  const bootstrap = { server, connection: options.bootstrap }
  const secrets = `/api/v1/namespaces/${namespace}/secrets`
  /** The uid of the Secret of each attempt that nobody else mints for: a renewal must never bring a deleted one back. */
  const bound = new Map<string, string>()

  const create = async (attempt: AttemptRef, again: boolean): Promise<string> => {
    const told = await ask(bootstrap, { method: 'POST', path: secrets, body: attemptSecret(attempt, installation) })
    // Ours, from a call whose answer was lost: nobody holds a token that is bound to it.
    if (told.status === 409 && again) {
      await remove(attempt)
      return create(attempt, false)
    }
    const uid = (told.body as SecretAnswer).metadata?.uid
    if (told.status !== 201 || uid === undefined) throw refused(`create Secrets in ${namespace}`, told)
    return uid
  }

  const remove = async (attempt: AttemptRef): Promise<void> => {
    const told = await ask(bootstrap, { method: 'DELETE', path: `${secrets}/${attemptSecretName(attempt)}` })
    if (told.status !== 200 && told.status !== 202 && told.status !== 404) throw refused(`delete Secrets in ${namespace}`, told)
  }

  const requestToken = async (name: string, uid: string, lifetimeMs: number): Promise<Credential> => {
    const told = await ask(bootstrap, {
      method: 'POST',
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: Math.ceil(lifetimeMs / 1000), boundObjectRef: { apiVersion: 'v1', kind: 'Secret', name, uid } },
      },
    })
    const { token, expirationTimestamp } = (told.body as TokenAnswer).status ?? {}
    if (told.status !== 201 || token === undefined) throw refused(`mint a token of ${namespace}/${serviceAccount}`, told)
    return {
      id: claimsOf(token).id ?? createHash('sha256').update(token).digest('hex').slice(0, 16),
      kind: 'bearer',
      token: new Secret(token),
      expiresAt: Date.now() + lifeOf(token, expirationTimestamp, told),
    }
  }

  const mint: Mode['mint'] = async (attempt, lifetimeMs, binding) => {
    const name = attemptSecretName(attempt)
    const known = binding === undefined ? bound.get(name) : binding.uid
    const uid = known ?? (await create(attempt, true))
    if (binding === undefined) bound.set(name, uid)
    // Before anybody has a token of it: who takes over goes on with this one.
    else if (known === undefined) await binding.note(uid)
    try {
      return await requestToken(name, uid, lifetimeMs)
    } catch (thrown) {
      if (known === undefined) await revoke(attempt).catch(() => {})
      // The API server looks for the bound Secret before it makes a token: one that is gone was deleted by whoever fenced us.
      else if (thrown instanceof TelpherError && thrown.code === 'mint_refused' && !(await exists(name, uid)))
        throw new TelpherError('grant_revoked', 'the credential of this attempt was revoked', { cause: thrown })
      throw thrown
    }
  }

  const revoke: Mode['revoke'] = async (attempt) => {
    await remove(attempt)
    bound.delete(attemptSecretName(attempt))
  }

  const list = async (
    query: string,
  ): Promise<{ readonly items: readonly SecretAnswer[]; readonly date: number; readonly next: string }> => {
    const told = await ask(bootstrap, { method: 'GET', path: `${secrets}?${query}` })
    const { items, metadata } = told.body as { items?: readonly SecretAnswer[]; metadata?: { continue?: string } }
    if (told.status !== 200 || items === undefined) throw refused(`list Secrets in ${namespace}`, told)
    return { items, date: told.date, next: metadata?.continue ?? '' }
  }
  const exists = async (name: string, uid: string): Promise<boolean> =>
    (await list(`fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`)).items.some(({ metadata }) => metadata?.uid === uid)

  return {
    name: 'token-request',
    revocable: true,
    renewable: true,
    mint,
    revoke,
    async outstanding() {
      const found: { readonly attempt: AttemptRef; readonly ageMs: number }[] = []
      const query = `limit=100&labelSelector=${encodeURIComponent(installationSelector(installation))}`
      for (let next = ''; ; ) {
        const page = await list(next === '' ? query : `${query}&continue=${encodeURIComponent(next)}`)
        for (const secret of page.items) {
          const attempt = attemptOf(secret)
          if (attempt !== undefined) found.push({ attempt, ageMs: page.date - Date.parse(secret.metadata?.creationTimestamp ?? '') })
        }
        next = page.next
        if (next === '') return found
      }
    },
    async verify() {
      const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
      const connection = connect(await mint(attempt, lifetimeOf(0)))
      try {
        return await whoIs({ server, connection })
      } finally {
        connection.close()
        await revoke(attempt)
      }
    },
  }
}
