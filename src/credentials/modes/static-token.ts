import type { Credential } from '../../model/credential.ts'
import { type FixedTarget, fixedMode } from './fixed.ts'
import type { Mode } from './mode.ts'

/** A token that was given once and is used until it expires; only its removal in the cluster revokes it. */
export const staticTokenMode = (credential: Credential, target: FixedTarget): Mode =>
  fixedMode({ ...target, name: 'static-token', renewable: false, credential: async () => credential })
