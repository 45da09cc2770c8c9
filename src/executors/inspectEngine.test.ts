import { expect, test } from 'vitest'
import { readEngine } from './inspectEngine.ts'

const info = {
  ServerVersion: '27.3.1',
  CgroupVersion: '2',
  SecurityOptions: ['name=apparmor', 'name=seccomp,profile=builtin', 'name=userns', 'name=cgroupns'],
  MemoryLimit: true,
  SwapLimit: false,
  CpuCfsQuota: true,
  PidsLimit: true,
}

test('an engine is read', () => {
  expect(readEngine(info)).toEqual({
    version: '27.3.1',
    cgroupVersion: '2',
    seccomp: 'default',
    userNamespaces: true,
    rootless: false,
    limits: { memory: true, swap: false, cpu: true, pids: true },
  })
})

test.each([
  [['name=seccomp,profile=unconfined'], 'unconfined'],
  [['name=seccomp,profile=default'], 'default'],
  [['name=rootless'], 'none'],
  [null, 'none'],
])('seccomp of %o is %s', (SecurityOptions, expected) => {
  expect(readEngine({ ...info, SecurityOptions }).seccomp).toBe(expected)
})

test('an engine that says little is taken to be able to do little', () => {
  expect(readEngine({})).toMatchObject({ version: 'unknown', cgroupVersion: '1', limits: { memory: false, pids: false } })
})
