import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { shimPath } from '../../../src/sandbox/shim.ts'

/** e_machine of the ELF header (System V ABI). */
const machines = { amd64: 62, arm64: 183 } as const

test.each(['amd64', 'arm64'] as const)('the shim is built for %s, static, whatever this machine is', async (arch) => {
  const program = readFileSync(await shimPath(arch))
  expect(program.subarray(0, 4).toString('latin1')).toBe('\x7fELF')
  expect(program.readUInt16LE(18)).toBe(machines[arch])
  expect(program.includes('/ld-linux')).toBe(false)
})
