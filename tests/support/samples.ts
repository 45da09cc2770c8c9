import type { SealedRecord } from '../../src/model/credential.ts'
import { envelopeVersion } from '../../src/model/envelope.ts'
import type { LedgerEntry } from '../../src/model/ledger.ts'
import type { DeploymentRequest, Step } from '../../src/model/step.ts'
import type { Target } from '../../src/model/target.ts'
import type { WorkerRecord } from '../../src/model/worker.ts'

/** A target that nothing is wrong with. */
export const sampleTarget = (name: string, changes: Partial<Target> = {}): Target => ({
  name,
  server: `https://${name}.example:6443`,
  ca: '',
  namespace: 'shop',
  tags: [],
  pool: 'default',
  policy: { namespaces: [], grants: [], verbs: [], resources: [] },
  settleSeconds: 5,
  clusterId: `cluster-of-${name}`,
  account: { id: `acc_${name}`, mode: 'static-token', fingerprint: '0011223344556677' },
  createdAt: 1_700_000_000_000,
  ...changes,
})

/** A write that went well. */
export const sampleEntry = (changes: Partial<LedgerEntry> = {}): LedgerEntry => ({
  n: 1,
  attempt: 1,
  at: 1,
  verb: 'patch',
  group: '',
  version: 'v1',
  resource: 'x',
  dryRun: false,
  code: 200,
  ms: 1,
  credentialId: 'a',
  ...changes,
})

export const sampleSealed = (id: string): SealedRecord => ({
  type: 'account',
  id,
  version: 1,
  kid: 'k1',
  wrappedKey: 'd3JhcHBlZA==',
  ciphertext: 'c2VhbGVk',
})

export const applyStep = (name: string): Step => ({ kind: 'apply', name, package: 'a'.repeat(64), deadlineSeconds: 600 })

export const helmStep = (name: string, release: string): Step => ({
  kind: 'helm',
  name,
  package: 'b'.repeat(64),
  deadlineSeconds: 600,
  chart: '.',
  release,
  values: [],
  set: {},
  createNamespace: false,
  historyMax: 10,
})

export const sampleRequest = (steps: Step[], targets: string[]): DeploymentRequest => ({ steps, targets })

export const sampleWorker = (id: string, changes: Partial<WorkerRecord> = {}): WorkerRecord => ({
  id,
  name: id,
  pool: 'default',
  version: '0.0.0',
  envelope: envelopeVersion,
  state: 'available',
  concurrency: 4,
  startedAt: 1_700_000_000_000,
  attempts: [],
  ...changes,
})
