import { type FederationNames, usernamePrefix } from '../../model/federation.ts'
import { tokenLifeMs } from './token.ts'

/** Where an API server finds an issuer, beyond its address. */
export interface TrustOptions {
  /** PEM of the authorities of the web server that has the documents; the system's roots of the API server when absent. */
  readonly ca?: string
  /** Where the discovery document lies, if not under the issuer's address. */
  readonly discoveryUrl?: string
}

/** Clocks differ, and a second is rounded. */
const spareSeconds = 60

/** What an API server is to trust: this issuer for this one user and nothing else. */
const authenticatorOf = ({ issuer, audience, subject }: FederationNames, { ca, discoveryUrl }: TrustOptions): object => ({
  issuer: {
    url: issuer,
    ...(discoveryUrl === undefined ? {} : { discoveryURL: discoveryUrl }),
    audiences: [audience],
    ...(ca === undefined ? {} : { certificateAuthority: ca }),
  },
  claimValidationRules: [
    { claim: 'sub', requiredValue: subject },
    {
      expression: `claims.exp - claims.iat <= ${tokenLifeMs / 1000 + spareSeconds}`,
      message: 'tokens of Telpher live 10 minutes',
    },
  ],
  claimMappings: { username: { claim: 'sub', prefix: usernamePrefix } },
})

/**
 * The file of kube-apiserver's flag --authentication-config (kubernetes.io: reference/config-api/apiserver-config.v1).
 * @param trusted the targets in one cluster; one that has such a file already takes the entries of `jwt` into it
 */
export const authenticationConfiguration = (trusted: readonly FederationNames[], options: TrustOptions = {}): object => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'AuthenticationConfiguration',
  jwt: trusted.map((names) => authenticatorOf(names, options)),
})
