import { createHash } from 'node:crypto'
import { createAuditSigner } from '../../src/credentials/auditkey.ts'
import type { ChainSigner } from '../../src/model/auditchain.ts'

/** Signs the record of who did what with a key that is nobody's secret. */
export const sampleSigner: ChainSigner = createAuditSigner({ kid: 'k1', key: createHash('sha256').update('a key of tests').digest() })
