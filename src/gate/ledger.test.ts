import { expect, test } from 'vitest'
import type { LedgerEntry } from '../model/ledger.ts'
import { createLedgerBook, type LedgerBook, writeVerb } from './ledger.ts'
import { parseRequest, type RequestInfo } from './path.ts'

const infoOf = (asked: string): RequestInfo => {
  const [method = '', url = ''] = asked.split(' ')
  const parsed = parseRequest(method, url)
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.info
}
const pods = infoOf('POST /api/v1/namespaces/dev/pods')

const sentWrite = (book: LedgerBook): ReturnType<LedgerBook['open']> => {
  const write = book.open(pods, 'create', false)
  write.sending('c')
  return write
}

test.each([
  ['GET /api/v1/pods', undefined],
  ['GET /api/v1/pods?watch=1', undefined],
  ['POST /api/v1/namespaces/dev/pods', 'create'],
  ['PUT /api/v1/namespaces/dev/pods/a', 'update'],
  ['PATCH /apis/apps/v1/namespaces/dev/deployments/a/scale', 'patch'],
  ['DELETE /api/v1/namespaces/dev/pods/a', 'delete'],
  ['DELETE /api/v1/namespaces/dev/pods', 'deletecollection'],
  ['GET /api/v1/namespaces/dev/pods/a/exec', 'connect'],
  ['POST /api/v1/namespaces/dev/pods/a/portforward', 'connect'],
  ['DELETE /api/v1/namespaces/dev/services/a/proxy/x', 'connect'],
  ['GET /api/v1/proxy/nodes/a', 'connect'],
  ['POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews', undefined],
  ['POST /api', undefined],
])('%s is %s', (asked, verb) => {
  expect(writeVerb(infoOf(asked))).toBe(verb)
})

test('entries that come while one is being stored go together, in order', async () => {
  const batches: number[][] = []
  let release = (): void => {}
  const book = createLedgerBook(
    {
      append: async (entries) => {
        batches.push(entries.map((entry) => entry.n))
        if (batches.length === 1) await new Promise<void>((resolve) => (release = resolve))
      },
    },
    3,
  )
  const first = sentWrite(book).close({ code: 201 })
  const rest = [2, 3, 4].map(() => sentWrite(book).close({ code: 201 }))
  expect(book.openWrites()).toBe(4)
  release()
  await Promise.all([first, ...rest])
  expect(batches).toEqual([[1], [2, 3, 4]])
  expect(book.openWrites()).toBe(0)
  expect(book.entries().every((entry) => entry.attempt === 3)).toBe(true)
})

test('what could not be stored is stored with the next, and the write fails', async () => {
  const stored: LedgerEntry[] = []
  let broken = true
  const book = createLedgerBook(
    {
      append: async (entries) => {
        if (broken) throw new Error('no store')
        stored.push(...entries)
      },
    },
    1,
  )
  await expect(sentWrite(book).close({ code: 201 })).rejects.toThrow('no store')
  await expect(book.settled()).rejects.toThrow('no store')
  broken = false
  await book.settled()
  expect(stored.map((entry) => entry.n)).toEqual([1])
})

test('only what was sent is open, and only what was sent is recorded without an answer', async () => {
  const book = createLedgerBook({ append: async () => {} }, 1)
  const seen: number[] = []
  const stop = book.onWrite((entry) => seen.push(entry.code))
  const held = book.open(pods, 'create', false)
  expect(book.openWrites()).toBe(0)
  held.sending('c')
  held.sending('c')
  expect(book.openWrites()).toBe(1)
  held.notSent()
  held.notSent()
  expect(book.openWrites()).toBe(0)
  await held.close({ code: 0 })
  expect(book.entries()).toEqual([])
  const cut = sentWrite(book)
  let settled = false
  const settling = book.settled().then(() => (settled = true))
  await Promise.resolve()
  expect(settled).toBe(false)
  await cut.close({ code: 0 })
  await cut.close({ code: 200 })
  await settling
  stop()
  await sentWrite(book).close({ code: 200 })
  expect(seen).toEqual([0])
  expect(book.entries().map((entry) => [entry.n, entry.code, entry.credentialId])).toEqual([
    [1, 0, 'c'],
    [2, 200, 'c'],
  ])
})

test('a write says how often it was sent, where more than one may have had an effect', async () => {
  const book = createLedgerBook({ append: async () => {} }, 1)
  const [twice, refused, unsure] = [sentWrite(book), sentWrite(book), sentWrite(book)]
  twice.sending('c')
  await twice.close({ code: 200 })
  refused.notSent()
  refused.sending('d')
  await refused.close({ code: 200 })
  // The first of them broke, and the second could not be sent: what became of the first is not known.
  unsure.sending('c')
  unsure.notSent()
  expect(book.openWrites()).toBe(1)
  await unsure.close({ code: 0 })
  expect(book.entries().map(({ code, sends }) => [code, sends])).toEqual([
    [200, 2],
    [200, undefined],
    [0, undefined],
  ])
})

test.each([
  [
    { code: 201, body: { kind: 'Pod', metadata: { name: 'a', namespace: 'dev', uid: 'u', generation: 2 } } },
    { kind: 'Pod', name: 'a', uid: 'u', generation: 2 },
  ],
  [
    { code: 200, body: { kind: 'Status', status: 'Success', details: { name: 'a', kind: 'pods', uid: 'u' } } },
    { name: 'a', uid: 'u' },
  ],
  [{ code: 200, body: { kind: 'PartialObjectMetadata', metadata: { uid: 'u' } } }, { uid: 'u' }],
  [
    { code: 409, body: { kind: 'Status', reason: 'Conflict', message: 'm' } },
    { reason: 'Conflict', message: 'm' },
  ],
  [{ code: 500, body: { message: 'x'.repeat(5000) } }, { message: 'x'.repeat(2048) }],
  [{ code: 201, body: { kind: 7, metadata: { name: {}, uid: ['u'], generation: '2' } } }, {}],
  [{ code: 201, body: null }, {}],
  [{ code: 201, body: { metadata: null } }, {}],
])('of the answer %j it keeps %j', async (answer, facts) => {
  const book = createLedgerBook({ append: async () => {} }, 1)
  await sentWrite(book).close(answer)
  const { n: _, at: __, attempt: ___, ms: ____, ...entry } = book.entries()[0] ?? ({} as LedgerEntry)
  expect(entry).toEqual({
    verb: 'create',
    group: '',
    version: 'v1',
    resource: 'pods',
    namespace: 'dev',
    dryRun: false,
    credentialId: 'c',
    code: answer.code,
    ...facts,
  })
})
