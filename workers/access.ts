import { keepFresh } from '../src/gate/index.ts'
import type { Log } from '../src/log.ts'
import type { Credential } from '../src/model/credential.ts'
import type { AttemptRef } from '../src/model/deployment.ts'
import { TelpherError } from '../src/model/errors.ts'
import type { Cluster, ClusterConnection, Grants } from '../src/model/ports.ts'
import type { Secret } from '../src/model/secret.ts'
import type { Target } from '../src/model/target.ts'

/** An attempt's way to its target: a connection whose credential is renewed while it is used. */
export interface Access {
  /** Stays the same; each request goes with the credential of its time. */
  readonly connection: ClusterConnection
  /** As it is now. */
  current(): ClusterConnection
  /** Undefined where the mode gives one credential only. */
  readonly renew: (() => Promise<void>) | undefined
  /** Revokes the credential; never rejects, since the sweep does it when this could not. */
  end(): Promise<void>
}

export interface AccessOptions {
  readonly grants: Pick<Grants, 'grant'>
  readonly cluster: Cluster
  readonly target: Target
  readonly attempt: AttemptRef
  readonly lifetimeMs: number
  /** Told of every secret before anything is sent with it. */
  readonly onSecret: (secret: Secret) => void
  /** Somebody else revoked the credential: this attempt is over. */
  readonly onRevoked: () => void
  /** Records what is written over `connection`, which is everything but what goes through the gate. */
  readonly recording?: (connection: ClusterConnection) => ClusterConnection
  readonly log: Log
}

const secretOf = (credential: Credential): Secret => (credential.kind === 'bearer' ? credential.token : credential.key)

/** How long an end may keep the worker, in ms; the sweep does what takes longer. */
const endMs = 5000

/**
 * Gets a credential for an attempt and connects with it.
 * @throws TelpherError of Grants.grant
 */
export const openAccess = async (options: AccessOptions): Promise<Access> => {
  const { cluster, target, log, recording = (connection) => connection } = options
  const grant = await options.grants.grant(target, options.attempt, options.lifetimeMs)
  const use = (credential: Credential): ClusterConnection => {
    options.onSecret(secretOf(credential))
    return cluster.connect(target, credential)
  }
  const ending = new AbortController()
  let current = use(grant.credential)

  const renew = async (): Promise<Credential> => {
    try {
      const credential = await grant.renew()
      // The one before is not closed: what is open on it goes on, and an idle connection closes itself.
      current = use(credential)
      return credential
    } catch (thrown) {
      if (thrown instanceof TelpherError && thrown.code === 'grant_revoked') options.onRevoked()
      throw thrown
    }
  }
  if (grant.renewable)
    keepFresh({
      expiresAt: grant.credential.expiresAt,
      renew: async () => (await renew()).expiresAt,
      onFailure: (err) => log.warn({ err }, 'the credential is not renewed'),
      signal: ending.signal,
    })
  return {
    connection: {
      get credentialId() {
        return current.credentialId
      },
      request: (asked) => recording(current).request(asked),
      upgrade: (asked) => current.upgrade(asked),
      close: () => current.close(),
    },
    current: () => current,
    renew: grant.renewable ? async () => void (await renew()) : undefined,
    async end() {
      ending.abort()
      const ended = grant.end().catch((err: unknown) => log.warn({ err }, 'the credential is not revoked yet'))
      let timer: NodeJS.Timeout | undefined
      await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, endMs)))])
      clearTimeout(timer)
    },
  }
}
