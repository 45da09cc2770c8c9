import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { LedgerEntry } from '../model/ledger.ts'
import type { ClusterConnection } from '../model/ports.ts'
import { verify } from './verify.ts'

const entry = (n: number): LedgerEntry => ({
  ...{ n, at: n, attempt: 1, verb: 'patch', group: '', version: 'v1', resource: 'configmaps', kind: 'ConfigMap', namespace: 'shop' },
  ...{ name: `settings-${n}`, uid: `u-${n}`, dryRun: false, code: 200, ms: 1, credentialId: 'cred' },
})

test('many writes of plain objects cost one look each, no request, and few words', async () => {
  const writes = 1000
  let [reads, told, requests] = [0, 0, 0]
  const ledger: LedgerEntry[] = []
  const counted = new Proxy(ledger, {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      return Reflect.get(target, key)
    },
  })
  const connection = {
    request: () => {
      requests++
      return Promise.reject(new Error('nothing is to be read'))
    },
  } as unknown as ClusterConnection
  let onWrite = (_: LedgerEntry): void => {}
  const final = Promise.withResolvers<void>()
  const verdict = verify({
    connection,
    writes: () => counted,
    onWrite: (listener) => {
      onWrite = listener
      return () => {}
    },
    final: final.promise,
    since: Date.now(),
    settleMs: 0,
    deadlineAt: () => performance.now() + 60_000,
    signal: new AbortController().signal,
    onProgress: () => told++,
  })
  const begun = performance.now()
  for (let n = 1; n <= writes; n++) {
    ledger.push(entry(n))
    onWrite(entry(n))
    await turn()
  }
  final.resolve()
  const { outcome, objects } = await verdict
  expect([outcome, objects.length, reads, requests]).toEqual(['current', writes, writes, 0])
  expect(objects.map(({ ref }) => ref.name)).toEqual(ledger.map(({ name }) => name))
  // Five times a second, the first and the last.
  expect(told).toBeLessThanOrEqual(2 + Math.ceil((performance.now() - begun) / 200))
})
