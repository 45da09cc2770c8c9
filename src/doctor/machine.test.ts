import { expect, test } from 'vitest'
import { judgeMachine, type MachineFacts } from './machine.ts'

const gibibyte = 1024 ** 3
const good: MachineFacts = {
  node: '24.21.0',
  platform: 'linux',
  architecture: 'x64',
  freeMemory: 8 * gibibyte,
  neededMemory: 2 * gibibyte,
  strangeVariables: [],
  proxies: [],
}
const find = (changes: Partial<MachineFacts>, id: string) => judgeMachine({ ...good, ...changes }).find((finding) => finding.id === id)

test('nothing is wrong with a good machine', () => {
  expect(judgeMachine(good).map(({ id, status }) => [id, status])).toEqual([
    ['node', 'ok'],
    ['platform', 'ok'],
    ['config', 'ok'],
    ['proxy', 'ok'],
    ['memory', 'ok'],
  ])
})

test.each<[Partial<MachineFacts>, string, string, string]>([
  [{ node: '22.9.0' }, 'node', 'fail', 'older than 24'],
  [{ node: '25.0.0' }, 'node', 'ok', '25.0.0'],
  [{ platform: 'darwin' }, 'platform', 'warn', 'darwin'],
  [{ architecture: 'riscv64' }, 'platform', 'warn', 'riscv64'],
  [{ configTrouble: 'TELPHER_PORT: too big' }, 'config', 'fail', 'TELPHER_PORT: too big'],
  [{ strangeVariables: ['TELPHER_PROT'] }, 'config', 'warn', 'TELPHER_PROT'],
  [{ proxies: ['HTTPS_PROXY'] }, 'proxy', 'warn', 'HTTPS_PROXY'],
  [{ freeMemory: gibibyte }, 'memory', 'warn', '1.0 GiB free'],
  [{ freeMemory: gibibyte / 4 }, 'memory', 'fail', '0.3 GiB free'],
])('%o: %s is %s', (changes, id, status, seen) => {
  const finding = find(changes, id)
  expect(finding).toMatchObject({ status, seen: expect.stringContaining(seen) })
  expect(finding?.fix !== undefined).toBe(status !== 'ok')
})
