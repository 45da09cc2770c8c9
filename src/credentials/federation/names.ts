import { TelpherError } from '../../model/errors.ts'
import type { FederationNames } from '../../model/federation.ts'

/** Installation and target, neither of which can hold the colon between them: nothing else is ever said of who acts. */
const subjectForm = /^srv_[0-9A-HJKMNP-TV-Z]{26}:[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const audienceForm = /^telpher\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

const isIssuer = (issuer: string): boolean => {
  if (!URL.canParse(issuer) || /[\p{Cc}\s\\]/u.test(issuer)) return false
  const { protocol, username, password, search, hash } = new URL(issuer)
  return protocol === 'https:' && `${username}${password}${search}${hash}` === '' && !issuer.endsWith('/')
}

/**
 * Refuses names that would leave open who acts: an identity that maps to nobody may be taken for somebody (CVE-2026-23990 of Flux Operator).
 * @throws TelpherError token_refused
 */
export const mustBeNames = ({ issuer, audience, subject }: FederationNames): void => {
  const field = !isIssuer(issuer)
    ? 'iss'
    : !audienceForm.test(audience)
      ? 'aud'
      : !subjectForm.test(subject) || !issuer.endsWith(`/issuers/${subject.slice(subject.indexOf(':') + 1)}`)
        ? 'sub'
        : undefined
  if (field !== undefined) throw new TelpherError('token_refused', `${field}: a token would not say whose it is`, { field })
}

/**
 * How a target is known at its API server: an issuer, an audience and a subject of its own.
 * @param base https:// address of this installation's issuers, as API servers reach it
 * @param installation its id
 * @throws TelpherError token_refused
 */
export const federationNames = (base: string, installation: string, target: string): FederationNames => {
  const names = { issuer: `${base}/issuers/${target}`, audience: `telpher/${target}`, subject: `${installation}:${target}` }
  mustBeNames(names)
  return names
}
