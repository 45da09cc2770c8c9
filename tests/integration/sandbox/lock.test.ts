import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withLock } from '../../../src/sandbox/lock.ts'
import { architecture } from '../../../src/sandbox/paths.ts'
import { sandboxChild } from '../../support/sandbox-child.ts'

const folder = mkdtempSync(join(tmpdir(), 'telpher-lock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('two pieces of work under one lock never overlap', async () => {
  const order: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    order.push(`${name} begins`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    order.push(`${name} ends`)
  }
  const lock = join(folder, 'both.lock')
  await Promise.all([withLock(lock, work('a')), withLock(lock, work('b'))])
  expect([0, 2].map((at) => order.slice(at, at + 2).map((line) => line.slice(2)))).toEqual([
    ['begins', 'ends'],
    ['begins', 'ends'],
  ])
})

test('who waits is told for whom', async () => {
  const lock = join(folder, 'told.lock')
  let told: (pid: number) => void = () => {}
  const heard = new Promise<number>((resolve) => {
    told = resolve
  })
  let second: Promise<number> | undefined
  await withLock(lock, async () => {
    second = withLock(lock, async () => 2, told)
    expect(await heard).toBe(process.pid)
  })
  expect(await second).toBe(2)
})

/** In place of the compiler, which would take minutes: says that it was called, then builds at once or never. */
const fakeGo = (name: string, ending: 'builds' | 'hangs'): string => {
  const path = join(folder, name)
  const body = ending === 'builds' ? 'mkdir -p "$GOPATH/bin" && echo program > "$GOPATH/bin/kwok"' : 'exec sleep 600'
  const settings = `[ "$1" = env ] && { echo ${folder}/modules; echo ${architecture()}; exit; }`
  writeFileSync(path, `#!/bin/sh\n${settings}\necho called >> ${folder}/calls\necho $$ > ${folder}/${name}.pid\n${body}\n`)
  chmodSync(path, 0o755)
  return path
}

const builder = (go: string): string => `
  import { binaryPath, installBinary } from 'SANDBOX/setup/binaries.ts'
  const installed = installBinary('kwok', async () => { console.log('building'); return ${JSON.stringify(go)} })
  await installed
  console.log(binaryPath('kwok'))
`

test('the lock of a killed builder is free, and two builders build once', async () => {
  const env = { XDG_CACHE_HOME: join(folder, 'cache') }
  const killed = sandboxChild(builder(fakeGo('hanging', 'hangs')), env)
  expect(await killed.line()).toBe('building')
  await killed.kill()

  const go = fakeGo('working', 'builds')
  const [first, second] = [sandboxChild(builder(go), env), sandboxChild(builder(go), env)]
  const printed = [await first.line(), await second.line()]
  const paths = printed.filter((line) => line !== 'building')
  // One of them built and has a second line; the other found the program when its turn came.
  expect(paths).toHaveLength(1)
  const path = paths[0] ?? ''
  expect(readFileSync(path, 'utf8')).toBe('program\n')
  expect(readFileSync(join(folder, 'calls'), 'utf8').match(/called/g)?.length).toBeLessThanOrEqual(2)
  const orphan = join(folder, 'hanging.pid')
  if (existsSync(orphan)) process.kill(Number(readFileSync(orphan, 'utf8')), 'SIGKILL')
})
