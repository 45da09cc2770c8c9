import { TelpherError } from './errors.ts'

/** Header, claims and signature of a JWT (RFC 7519), at any place of a text. */
const jwt = /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}/

/** A private key in PEM (RFC 7468), of whatever kind. */
const privateKey = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/

/** What a kubeconfig has credentials in, as YAML or JSON: at the beginning of a line, or of a field. */
const kubeconfigField =
  /(?:^|[\n{,])[\t ]*(?:- )?["']?(token|id-token|refresh-token|client-key-data|password)["']?[\t ]*:[\t ]*["']?[^\s"'{}[\],]{12,}/

/** Text that is base64 as a whole and long enough to hold one of them. */
const base64 = /^[A-Za-z0-9+/\s]{40,}={0,2}\s*$/

/** What it is that a text holds. */
const kindOf = (text: string): string | undefined => {
  if (jwt.test(text)) return 'a token (JWT)'
  if (privateKey.test(text)) return 'a private key'
  const [, field] = kubeconfigField.exec(text) ?? []
  return field === undefined ? undefined : `a credential of a kubeconfig (${field})`
}

const kindIn = (text: string): string | undefined =>
  kindOf(text) ?? (base64.test(text) ? kindOf(Buffer.from(text, 'base64').toString('latin1')) : undefined)

/** What is given there is sealed before anything is stored. */
const sealedPlace = /^steps\.\d+\.setSecret$/

interface Place {
  readonly field: string
  readonly kind: string
}

const find = (value: unknown, field: string): Place | undefined => {
  if (typeof value === 'string') {
    const kind = kindIn(value)
    return kind === undefined ? undefined : { field, kind }
  }
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, held] of Object.entries(value)) {
    const place = field === '' ? name : `${field}.${name}`
    const inName = kindIn(name)
    // The name itself would tell it.
    if (inName !== undefined) return { field, kind: inName }
    const found = sealedPlace.test(field) ? undefined : find(held, place)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Refuses a request that holds a credential where it would be stored, shown and put into a queue as it is. Manifests and charts are in
 * packages, which are sealed, and are not looked at.
 * @throws TelpherError credential_in_clear that names the field, and never what is in it
 */
export const mustHoldNoCredential = (request: object): void => {
  const found = find(request, '')
  if (found === undefined) return
  throw new TelpherError('credential_in_clear', `${found.field}: it holds ${found.kind}, and would be stored in clear`, {
    field: found.field,
  })
}
