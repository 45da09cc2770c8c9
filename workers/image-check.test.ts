import { expect, test } from 'vitest'
import { checkImage } from './image-check.ts'

const id = `sha256:${'a'.repeat(64)}`
const finding =
  (...has: string[]) =>
  async (name: string) =>
    has.includes(name) ? { id, kubectl: '1.34.4' } : undefined

test.each([
  ['v1.34.0', ['telpher/exec:k1.34-h4'], 'telpher/exec:k1.34-h4, aaaaaaaaaaaa'],
  ['v1.35.0', ['telpher/exec:k1.36-h4'], 'telpher/exec:k1.36-h4, aaaaaaaaaaaa'],
])('a server %s with %o on the host is well', async (server, has, message) => {
  const line = await checkImage({ server, fixed: undefined, pins: {}, unpinned: 'run', find: finding(...has) })
  expect(line).toMatchObject({ rung: 'image', status: 'ok', message })
})

test('one that is missing fails the check, with the line that gets it', async () => {
  const line = await checkImage({ server: 'v1.36.0', fixed: undefined, pins: {}, unpinned: 'run', find: finding('telpher/exec:k1.34-h4') })
  expect(line).toMatchObject({ status: 'failed', code: 'image_missing' })
  expect(line.message).toContain('telpher image build k1.36-h4')
})

test('the image that the worker was told to use is looked for, whatever the server', async () => {
  const line = await checkImage({ server: 'v1.36.0', fixed: 'own:1', pins: {}, unpinned: 'run', find: finding('own:1') })
  expect(line).toMatchObject({ status: 'ok', message: 'own:1, aaaaaaaaaaaa' })
})

test('a pin is held against the image that is here', async () => {
  const asked = { server: 'v1.34.0', fixed: undefined, unpinned: 'run' as const, find: finding('telpher/exec:k1.34-h4') }
  expect((await checkImage({ ...asked, pins: { 'telpher/exec:k1.34-h4': [id] } })).message).toContain(', pinned')
  expect(await checkImage({ ...asked, pins: { 'telpher/exec:k1.34-h4': ['sha256:b'] } })).toMatchObject({
    status: 'failed',
    code: 'image_differs',
  })
})

test('where nothing without a pin is started, one of those that suit the server must have one', async () => {
  const asked = {
    server: 'v1.35.0',
    fixed: undefined,
    unpinned: 'refuse' as const,
    find: finding('telpher/exec:k1.36-h4', 'telpher/exec:k1.34-h4'),
  }
  expect(await checkImage({ ...asked, pins: {} })).toMatchObject({ status: 'failed', code: 'image_unpinned' })
  expect(await checkImage({ ...asked, pins: { 'telpher/exec:k1.34-h4': [id] } })).toMatchObject({
    status: 'ok',
    message: 'telpher/exec:k1.34-h4, aaaaaaaaaaaa, pinned',
  })
})
