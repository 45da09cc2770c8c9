import type { Credential } from '../../model/credential.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import { Secret } from '../../model/secret.ts'
import type { OpenAccount } from '../account.ts'
import { clientCertificateMode } from './client-certificate.ts'
import { federatedMode } from './federated.ts'
import { type InClusterOptions, inClusterMode } from './in-cluster.ts'
import type { Mode } from './mode.ts'
import { staticTokenMode } from './static-token.ts'
import { tokenRequestMode } from './token-request.ts'

export interface ModeOptions extends Pick<InClusterOptions, 'env' | 'tokenFile'> {
  /** The target's address. */
  readonly server: string
  readonly connect: (credential: Credential) => ClusterConnection
  /** Tells what we make in the cluster from what other installations make. */
  readonly installation: string
}

/** The mode that an account is for. */
export const modeOf = ({ plain, id, expiresAt }: OpenAccount, options: ModeOptions): Mode => {
  const { server, connect, installation } = options
  const expiry = expiresAt === undefined ? {} : { expiresAt }
  switch (plain.kind) {
    case 'bearer':
      return staticTokenMode({ id, kind: 'bearer', token: new Secret(plain.token), ...expiry }, { server, connect })
    case 'client-certificate': {
      const { certificate, key } = plain
      return clientCertificateMode({ id, kind: 'client-certificate', certificate, key: new Secret(key), ...expiry }, { server, connect })
    }
    case 'token-request': {
      const { namespace, serviceAccount } = plain
      const bootstrap = connect({ id, kind: 'bearer', token: new Secret(plain.token), ...expiry })
      return tokenRequestMode({ server, bootstrap, connect, namespace, serviceAccount, installation })
    }
    case 'federated':
      return federatedMode(plain, plain.keys[0], { server, connect })
    case 'in-cluster':
      return inClusterMode(options)
  }
}
