import { existsSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { installLine, installPackages, mayInstall } from '../../../src/sandbox/setup/packages.ts'

const tracer = '/usr/bin/strace'

/** Where strace is; installs it where that is allowed. @throws Error with the line to run where it is not */
const straceProgram = async (): Promise<string> => {
  if (!existsSync(tracer) && !mayInstall()) throw new Error(`this test traces a process: ${installLine(['strace'])}`)
  if (!existsSync(tracer)) await installPackages(['strace'])
  return tracer
}

/** V8 asks how fast the processor is when it first looks at its clock, wherever the program is by then. */
const ofTheRuntime = /"\/sys\/devices\/system\/cpu\//

/** The system calls of a program between two of its own looks at files, and their number before: so it is known that they are seen. */
const traced = async (program: string, args: readonly string[] = []): Promise<{ stdout: string; before: number; between: string[] }> => {
  const folder = await mkdtemp(join(tmpdir(), 'telpher-traced-'))
  const [begin, end, file] = [join(folder, 'begin'), join(folder, 'end'), join(folder, 'trace')]
  const strace = ['-f', '-qq', '-e', 'trace=%process,%network,%file', '-e', 'signal=none', '-o', file]
  const { stdout } = await execa(await straceProgram(), [...strace, process.execPath, program, begin, end, ...args])
  const lines = (await readFile(file, 'utf8')).split('\n')
  const at = (path: string): number => lines.findIndex((line) => line.includes(path) && !line.includes('execve'))
  return { stdout, before: at(begin), between: lines.slice(at(begin) + 1, at(end)).filter((line) => !ofTheRuntime.test(line)) }
}

test('reading hostile kubeconfigs starts no process, opens no file and no connection, by what the kernel was asked', async () => {
  const { stdout, before, between } = await traced(new URL('../../support/hostile-child.ts', import.meta.url).pathname)
  const { refused, of } = JSON.parse(stdout) as { refused: number; of: number }
  expect(of).toBeGreaterThan(60)
  expect(refused).toBe(of)
  expect(before).toBeGreaterThan(50)
  expect(between).toEqual([])
})

test('what does so is seen', async () => {
  const program = new URL('../../support/touching-child.ts', import.meta.url).pathname
  const { between } = await traced(program)
  for (const call of ['execve', 'connect', 'open']) expect(between.join('\n')).toContain(call)
})
