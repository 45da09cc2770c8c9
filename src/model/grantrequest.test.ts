import { expect, test } from 'vitest'
import { type GrantRequest, readRequest, requestVersion } from './grantrequest.ts'

const request: GrantRequest = {
  version: requestVersion,
  kind: 'hello',
  id: 'req_1',
  pool: 'default',
  enrolment: '0011223344556677',
  worker: 'wrk_1',
  sealTo: `${'A'.repeat(43)}=`,
  number: 1,
}
const read = (said: unknown) => readRequest({ body: typeof said === 'string' ? said : JSON.stringify(said), signature: '' })

test('what a newer worker adds within a version is overlooked', () => {
  expect(read({ ...request, later: true })).toEqual(request)
})

test('a newer version is for newer servers, whatever else it says', () => {
  expect(read({ version: requestVersion + 1, any: 'thing' })).toBe('newer')
})

test('what cannot be read is nothing', () => {
  for (const said of ['', 'null', '[]', '"x"', { ...request, version: 0 }, { ...request, kind: 'other' }, { version: 'two' }])
    expect(read(said)).toBeUndefined()
})
