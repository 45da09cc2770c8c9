import { execa } from 'execa'
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

test('core files are switched off, whatever limit a process was started with, for those that it starts too', async () => {
  const url = new URL('./runtime.ts', import.meta.url).href
  const program = `import { spawnSync } from 'node:child_process'
    const { forbidCoreFiles } = await import('${url}')
    forbidCoreFiles()
    console.log(spawnSync('grep', ['Max core', '/proc/self/limits']).stdout.toString())`
  const script = 'ulimit -S -c "$(ulimit -H -c)"; exec "$0" --input-type=module --eval "$1"'
  const { stdout } = await execa('/bin/sh', ['-c', script, process.execPath, program])
  expect(stdout).toMatch(/^Max core file size +0 +0 /)
})
