import type { Federation } from '../../model/federation.ts'

/** How long API servers and proxies may keep the documents, in seconds: what is withdrawn is forgotten no later. */
export const documentsMaxAge = 60

/** Where the documents of an issuer lie below its address. */
export const documentPaths = { discovery: '.well-known/openid-configuration', keys: 'jwks.json' } as const

/** What an API server reads to find the keys (OpenID Connect Discovery 1.0, 3; what kube-apiserver needs of it). */
export const discoveryDocument = ({ issuer }: Pick<Federation, 'issuer'>): object => ({
  issuer,
  jwks_uri: `${issuer}/${documentPaths.keys}`,
  response_types_supported: ['id_token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
})

/** The keys that tokens are signed with now, before long or until lately. */
export const keySet = ({ keys }: Pick<Federation, 'keys'>): object => ({ keys })
