import type { Credential } from '../../model/credential.ts'
import { type FixedTarget, fixedMode } from './fixed.ts'
import type { Mode } from './mode.ts'

/** A client certificate and its key: Kubernetes revokes none, so that it lives until its last day. */
export const clientCertificateMode = (credential: Credential, target: FixedTarget): Mode =>
  fixedMode({ ...target, name: 'client-certificate', renewable: false, credential: async () => credential })
