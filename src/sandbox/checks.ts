import { execa } from 'execa'
import { checkout } from './paths.ts'
import { goCommand } from './setup/go.ts'

interface Check {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly cwd?: string
}

const bin = (name: string): string => `${checkout}node_modules/.bin/${name}`

const checks = async (): Promise<readonly Check[]> => [
  { name: 'format, lint and import direction', file: bin('biome'), args: ['ci'] },
  { name: 'types', file: bin('tsc'), args: ['--noEmit'] },
  { name: 'unused code', file: bin('knip'), args: [] },
  { name: 'shim', file: await goCommand(), args: ['vet', './...'], cwd: `${checkout}containers/shim` },
]

/**
 * Runs all checks of the source at the same time and prints what those say that fail.
 * @returns 0 when all pass, 1 otherwise
 */
export const runChecks = async (): Promise<number> => {
  const results = await Promise.all(
    (await checks()).map(async ({ name, file, args, cwd }) => {
      const { all, failed } = await execa(file, args, {
        cwd: cwd ?? checkout,
        reject: false,
        all: true,
        stdin: 'ignore',
        preferLocal: true,
      })
      process.stdout.write(`${failed ? `✗ ${name}\n${all}\n` : `✓ ${name}\n`}`)
      return failed
    }),
  )
  return results.includes(true) ? 1 : 0
}
