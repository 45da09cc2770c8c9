import { expect, test } from 'vitest'
import { mustBeSafe } from './runtime.ts'

const start = (env: Readonly<Record<string, string>>, ...execArgv: string[]): void => mustBeSafe({ env, execArgv })

test.each([
  ['NODE_TLS_REJECT_UNAUTHORIZED', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, []],
  ['--inspect', {}, ['--inspect']],
  ['--inspect-brk', {}, ['--inspect-brk=0.0.0.0:9229']],
  ['--inspect', { NODE_OPTIONS: '--max-old-space-size=512 --inspect=9229' }, []],
  ['--heapsnapshot-signal', {}, ['--heapsnapshot-signal=SIGUSR2']],
  ['--report-on-fatalerror', { NODE_OPTIONS: '--report-on-fatalerror' }, []],
] as const)('a process with %s is refused', (field, env, argv) => {
  expect(() => start(env, ...argv)).toThrow(expect.objectContaining({ code: 'unsafe_process', field }))
})

test.each([
  [{}, []],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: '1', NODE_OPTIONS: '' }, []],
  [{ NODE_OPTIONS: '--max-old-space-size=512' }, ['--experimental-strip-types', '--disable-warning=ExperimentalWarning']],
] as const)('%j with %j is safe', (env, argv) => {
  expect(() => start(env, ...argv)).not.toThrow()
})
