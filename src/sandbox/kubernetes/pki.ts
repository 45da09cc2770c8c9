import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { bits, boolean, context, integer, objectId, octets, sequence, set, time, utf8 } from './der.ts'

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certPem: string
  readonly keyPem: string
}

export interface CertificateRequest {
  readonly commonName: string
  /** Kubernetes reads them as groups. */
  readonly organizations?: readonly string[]
  /** DNS names and addresses that a server answers for. */
  readonly hosts?: readonly string[]
  /** From one hour ago by default, so that a clock that lags does not matter. */
  readonly notBefore?: Date
  /** In a year by default; in the past for a certificate that has expired. */
  readonly notAfter?: Date
}

/** A certificate authority that lives in this process. */
export interface Authority {
  readonly certPem: string
  readonly keyPem: string
  issue(request: CertificateRequest): KeyPair
}

const hour = 3_600_000
const ecdsaWithSha256 = sequence(objectId('1.2.840.10045.4.3.2'))

const pem = (kind: string, der: Buffer): string =>
  `-----BEGIN ${kind}-----\n${der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n')}\n-----END ${kind}-----\n`

const name = (commonName: string, organizations: readonly string[] = []): Buffer =>
  sequence(
    ...organizations.map((organization) => set(sequence(objectId('2.5.4.10'), utf8(organization)))),
    set(sequence(objectId('2.5.4.3'), utf8(commonName))),
  )

const extension = (id: string, value: Buffer, critical = false): Buffer =>
  sequence(objectId(id), ...(critical ? [boolean(true)] : []), octets(value))

const publicDer = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' })
const keyId = (key: KeyObject): Buffer => createHash('sha1').update(publicDer(key)).digest()

/** digitalSignature; and for an authority keyCertSign and cRLSign. */
const keyUsage = (authority: boolean): Buffer =>
  extension('2.5.29.15', authority ? bits(Buffer.from([0x86]), 1) : bits(Buffer.from([0x80]), 7), true)

/** The sixteen bytes of an address; a URL writes all addresses alike, with at most one `::` (RFC 5952). */
const ipv6Bytes = (host: string): Buffer => {
  const [before = '', after] = new URL(`http://[${host}]/`).hostname.slice(1, -1).split('::')
  const groups = (text: string | undefined): string[] => (text ?? '').split(':').filter((group) => group !== '')
  const [head, tail] = [groups(before), groups(after)]
  const all = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}

const altName = (host: string): Buffer => {
  if (isIP(host) === 6) return context(7, ipv6Bytes(host))
  return isIP(host) === 4 ? context(7, Buffer.from(host.split('.').map(Number))) : context(2, Buffer.from(host))
}

const leafExtensions = (request: CertificateRequest): Buffer[] => [
  extension('2.5.29.19', sequence(), true),
  keyUsage(false),
  extension('2.5.29.37', sequence(objectId('1.3.6.1.5.5.7.3.1'), objectId('1.3.6.1.5.5.7.3.2'))),
  ...(request.hosts === undefined ? [] : [extension('2.5.29.17', sequence(...request.hosts.map(altName)))]),
]

interface Signing {
  readonly request: CertificateRequest
  readonly publicKey: KeyObject
  readonly issuer: Buffer
  readonly issuerPublic: KeyObject
  readonly issuerKey: KeyObject
  readonly extensions: readonly Buffer[]
}

const certificate = ({ request, publicKey, issuer, issuerPublic, issuerKey, extensions }: Signing): string => {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  const from = request.notBefore ?? new Date(Math.min(Date.now(), request.notAfter?.getTime() ?? Date.now()) - hour)
  const to = request.notAfter ?? new Date(Date.now() + 365 * 24 * hour)
  const ids = [extension('2.5.29.14', octets(keyId(publicKey))), extension('2.5.29.35', sequence(context(0, keyId(issuerPublic))))]
  const body = sequence(
    context(0, integer(Buffer.from([2])), true),
    integer(serial),
    ecdsaWithSha256,
    issuer,
    sequence(time(from), time(to)),
    name(request.commonName, request.organizations),
    publicDer(publicKey),
    context(3, sequence(...extensions, ...ids), true),
  )
  return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bits(sign('sha256', body, issuerKey))))
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const keyPem = (key: KeyObject): string => key.export({ type: 'sec1', format: 'pem' }) as string

/** A fresh key for service account tokens: no certificate is asked for there. */
export const newKeyPem = (): string => keyPem(newKey())

/**
 * A certificate authority; nothing is written to disk. Profile: RFC 5280.
 * @param key PEM of its key, to go on with one that exists under the same name; a fresh P-256 key by default
 */
export const createAuthority = (commonName: string, key?: string): Authority => {
  const issuerKey = key === undefined ? newKey() : createPrivateKey(key)
  const issuerPublic = createPublicKey(issuerKey)
  const self = { issuer: name(commonName), issuerPublic, issuerKey }
  const extensions = [extension('2.5.29.19', sequence(boolean(true)), true), keyUsage(true)]
  return {
    certPem: certificate({ ...self, request: { commonName }, publicKey: issuerPublic, extensions }),
    keyPem: keyPem(issuerKey),
    issue: (request) => {
      const leaf = newKey()
      const certPem = certificate({ ...self, request, publicKey: createPublicKey(leaf), extensions: leafExtensions(request) })
      return { certPem, keyPem: keyPem(leaf) }
    },
  }
}
