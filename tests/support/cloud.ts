import { randomBytes } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { discoveryDocument, keySet } from '../../src/credentials/federation/documents.ts'
import { makeSigningKey, publicKeyOf } from '../../src/credentials/federation/keys.ts'
import { readSigningKey, signToken } from '../../src/credentials/federation/token.ts'
import { type FixedTarget, fixedMode } from '../../src/credentials/modes/fixed.ts'
import type { Mode } from '../../src/credentials/modes/mode.ts'
import { TelpherError } from '../../src/model/errors.ts'
import { Secret } from '../../src/model/secret.ts'
import type { AccountMode } from '../../src/model/target.ts'
import { fetchTrusting } from './fetch-trusting.ts'
import { type HttpsHost, serveHttps } from './https-host.ts'

/** Stands for what EKS, GKE and AKS have: a service elsewhere that gives tokens for 15 minutes to whoever shows a cloud identity. */
export interface Cloud extends HttpsHost {
  /** From now on its tokens live so long. */
  live(seconds: number): void
  /** How many tokens it gave. */
  minted(): number
  /** The entry of an AuthenticationConfiguration by which an API server takes its tokens. */
  readonly authenticator: object
}

/** What of a request to the service decides about the token. */
interface Asked {
  readonly identity: string
  readonly cluster: string
}

export const cloudIdentity = 'a-cloud-identity'

/** Starts one whose tokens live 15 minutes, as those of EKS do. */
export const startCloud = async (): Promise<Cloud> => {
  let lifeSeconds = 900
  const key = await makeSigningKey()
  const signs = readSigningKey(key.key)
  let minted = 0
  let address = ''
  const token = ({ cluster }: Asked): string => {
    minted++
    const iat = Math.floor(Date.now() / 1000)
    const jti = randomBytes(12).toString('hex')
    return signToken(key.kid, signs, { iss: address, aud: cluster, sub: 'role/deployer', jti, iat, nbf: iat, exp: iat + lifeSeconds })
  }
  const host = await serveHttps(async (request, response) => {
    const json = (status: number, body: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/.well-known/openid-configuration') return json(200, discoveryDocument({ issuer: address }))
    if (request.url === '/jwks.json') return json(200, keySet({ keys: [publicKeyOf(key)] }))
    const asked = JSON.parse(await text(request)) as Asked
    if (asked.identity !== cloudIdentity) return json(403, { message: 'this identity gets no tokens' })
    json(200, { token: token(asked), expiresInSeconds: lifeSeconds })
  })
  address = host.url
  return {
    ...host,
    live(seconds) {
      lifeSeconds = seconds
    },
    minted: () => minted,
    authenticator: {
      issuer: { url: address, audiences: ['this-cluster'], certificateAuthority: host.caPem },
      claimMappings: { username: { claim: 'sub', prefix: 'cloud:' } },
    },
  }
}

/** A mode that has its credentials minted elsewhere: what a mode for a cloud is, behind the same interface. */
export const cloudMode = (cloud: Cloud, { identity, cluster }: Asked, target: FixedTarget): Mode =>
  fixedMode({
    ...target,
    // No account is of it yet.
    name: 'cloud' as AccountMode,
    renewable: true,
    async credential() {
      const asked = Date.now()
      const answer = await fetchTrusting(cloud.caPem, `${cloud.url}/token`, { identity, cluster })
      if (answer.status !== 200) throw new TelpherError('mint_refused', `the cloud gives no token (${answer.status})`)
      const { token, expiresInSeconds } = answer.body as { token: string; expiresInSeconds: number }
      return { id: token.slice(-12), kind: 'bearer', token: new Secret(token), expiresAt: asked + expiresInSeconds * 1000 }
    },
  })
