import { createPublicKey, randomInt, verify } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../../../tests/support/random.ts'
import { TelpherError } from '../../model/errors.ts'
import type { FederationNames } from '../../model/federation.ts'
import { newId } from '../../model/ids.ts'
import { discoveryDocument, keySet } from './documents.ts'
import { createIssuer } from './issuer.ts'
import { makeSigningKey, publicKeyOf, type SigningKey } from './keys.ts'
import { federationNames } from './names.ts'
import { claimsFor, readSigningKey, signToken, type TokenClaims } from './token.ts'
import { authenticationConfiguration } from './trust.ts'

const installation = newId('srv')
const names = federationNames('https://telpher.example.com/base', installation, 'prod')
const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 2 }
let key: SigningKey
beforeAll(async () => {
  key = await makeSigningKey()
})

test('each target has an issuer, an audience and a subject of its own', () =>
  expect(names).toEqual({
    issuer: 'https://telpher.example.com/base/issuers/prod',
    audience: 'telpher/prod',
    subject: `${installation}:prod`,
  }))

test('a token is a JWT by RS256 that the published key opens', () => {
  const claims = claimsFor(names, attempt, 1_800_000_000_999)
  const token = signToken(key.kid, readSigningKey(key.key), claims)
  const [head = '', body = '', signature = ''] = token.split('.')
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  expect(read(head)).toEqual({ alg: 'RS256', kid: key.kid, typ: 'JWT' })
  expect(read(body)).toEqual({
    iss: names.issuer,
    aud: 'telpher/prod',
    sub: `${installation}:prod`,
    jti: expect.stringMatching(new RegExp(`^${attempt.jobId}\\.2\\.[\\w-]{12}$`)),
    iat: 1_800_000_000,
    nbf: 1_800_000_000,
    exp: 1_800_000_600,
  })
  const jwk = publicKeyOf(key)
  const isValid = verify(
    'sha256',
    Buffer.from(`${head}.${body}`),
    createPublicKey({ key: { ...jwk }, format: 'jwk' }),
    Buffer.from(signature, 'base64url'),
  )
  expect(isValid).toBe(true)
})

test('what is published has no private part', () => {
  expect(keySet({ keys: [publicKeyOf(key)] })).toEqual({
    keys: [{ kty: 'RSA', use: 'sig', alg: 'RS256', kid: key.kid, n: expect.stringMatching(/^[\w-]{342}$/), e: 'AQAB' }],
  })
  expect(discoveryDocument(names)).toMatchObject({ issuer: names.issuer, jwks_uri: `${names.issuer}/jwks.json` })
})

test('an API server is told to take one subject of one issuer, for minutes', () =>
  expect(authenticationConfiguration([names], { ca: 'PEM', discoveryUrl: 'https://inside/x' })).toEqual({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [
      {
        issuer: { url: names.issuer, discoveryURL: 'https://inside/x', audiences: ['telpher/prod'], certificateAuthority: 'PEM' },
        claimValidationRules: [
          { claim: 'sub', requiredValue: names.subject },
          { expression: 'claims.exp - claims.iat <= 660', message: expect.any(String) },
        ],
        claimMappings: { username: { claim: 'sub', prefix: 'telpher:' } },
      },
    ],
  }))

test('without an address nothing is issued, and it is said what is missing', async () => {
  const issuer = createIssuer(undefined, installation)
  expect(() => issuer.names('prod')).toThrow(expect.objectContaining({ code: 'issuer_missing' }))
  await expect(issuer.issue('prod')).rejects.toMatchObject({ code: 'issuer_missing' })
})

/** What people, files and attackers put where a name should be. */
const odd = [
  '',
  ' ',
  'system:admin',
  'system:',
  '*',
  'null',
  'undefined',
  '../prod',
  'prod\n',
  'Prod',
  'a'.repeat(64),
  'pr%6fd',
  'prod:x',
  '\0',
  'ü',
]
const isWhole = ({ iss, aud, sub, jti, iat, nbf, exp }: TokenClaims): boolean =>
  /^https:\/\/[^\s?#@]+\/issuers\/[a-z0-9-]{1,63}$/.test(iss) &&
  /^telpher\/[a-z0-9-]{1,63}$/.test(aud) &&
  /^srv_[0-9A-Z]{26}:[a-z0-9-]{1,63}$/.test(sub) &&
  /^job_[0-9A-Z]{26}\.\d+\.[\w-]{12}$/.test(jti) &&
  iat > 0 &&
  nbf === iat &&
  exp === iat + 600

/** All 100,000 are `npm run soak`. */
const cases = Number(process.env['CLAIM_CASES'] ?? 10_000)

test('each input makes a token that says whose it is, or none', () => {
  const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
  const random = seededRandom(seed)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
  const either = (good: string): string => (random() < 0.7 ? good : random() < 0.5 ? pick(odd) : `${pick(odd)}${good}${pick(odd)}`)
  let made = 0
  let refused = 0
  const jtis = new Set<string>()
  for (let at = 0; at < cases; at++) {
    const target = either(pick(['prod', 'a', 'x-1', 'b'.repeat(63)]))
    const given: FederationNames = {
      issuer: either(`https://telpher.example.com/issuers/${target}`),
      audience: either(`telpher/${target}`),
      subject: either(`${either(installation)}:${either(target)}`),
    }
    const number = random() < 0.9 ? Math.floor(random() * 9) : pick([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    const now = random() < 0.9 ? 1_700_000_000_000 + Math.floor(random() * 1e12) : pick([0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    try {
      const claims = claimsFor(given, { deploymentId: '', jobId: either(attempt.jobId), attempt: number }, now)
      made++
      jtis.add(claims.jti)
      if (!isWhole(claims)) throw new Error(`seed ${seed}: ${JSON.stringify({ given, claims })}`)
    } catch (thrown) {
      if (!(thrown instanceof TelpherError) || thrown.code !== 'token_refused') throw thrown
      refused++
    }
  }
  expect(jtis.size).toBe(made)
  expect(
    [made, refused].every((count) => count > cases / 20),
    `${made} made, ${refused} refused`,
  ).toBe(true)
})
