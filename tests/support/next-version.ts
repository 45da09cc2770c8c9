import { execFile } from 'node:child_process'
import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { envelopeVersion } from '../../src/model/envelope.ts'
import { isOlderVersion } from '../../src/model/worker.ts'
import { checkout } from '../../src/sandbox/paths.ts'
import { schemaVersion } from '../../src/store/schema.ts'
import { version } from '../../src/version.ts'

/** The next version of this checkout. */
export interface NextVersion {
  /** The version of the program. */
  readonly version: string
  readonly cli: string
  readonly shim: string
}

type Change = readonly [file: string, from: RegExp, to: (...found: string[]) => string]

const raised = (_: string, before: string, number: string): string => `${before}${Number(number) + 1}`

/**
 * What the next version has that this one does not know: numbers that are one higher, helm as a kind of step that only it understands, a step for the data,
 * and a field of its own in envelope, request, hello, heartbeat and job.
 */
const changes: readonly Change[] = [
  ['src/model/envelope.ts', /(envelopeVersion = )(\d+)/, raised],
  ['src/model/envelope.ts', /(broughtBy.*helm: )(\d+)/, (_, before = '') => `${before}${envelopeVersion + 1}`],
  ['src/model/envelope.ts', /kind: 'job',\n {4}deploymentId/, (found) => `later: 'envelope',\n    ${found}`],
  ['src/model/grantrequest.ts', /(requestVersion = )(\d+)/, raised],
  ['src/credentials/request.ts', /version: requestVersion,/, (found) => `${found}\n      later: 'request',`],
  ['src/tether/frames.ts', /(tetherVersion = )(\d+)/, raised],
  ['src/tether/session.ts', /resume: 0 }/, () => "resume: 0, later: 'hello' }"],
  ['containers/shim/stream.go', /(version, oldest = )(\d+)/, raised],
  ['containers/shim/main.go', /"oldest": oldest, "port"/, () => '"oldest": oldest, "later": "ready", "port"'],
  [
    'src/store/migrations.ts',
    /(migrations: readonly Migration\[\] = \[[^\]]+)\]/,
    (_, before = '') => `${before}, { from: ${schemaVersion}, about: 'of the next version', run: async () => {} }]`,
  ],
  ['src/scheduler/expand.ts', /stepIndex,\n/, (found) => `${found}        later: 'job',\n`],
  ['workers/main.ts', /envelope: envelopeVersion,/, (found) => `${found}\n      later: 'heartbeat',`],
]

const nextOf = (own: string): string => {
  const [major = 0, minor = 0] = own.split('.').map(Number)
  return `${major}.${minor + 1}.0`
}

/**
 * A copy of this checkout that stands for the next version. It is a DOUBLE: there is no next version yet, so it is this one with other numbers and with
 * fields that this one does not know, which is all that the two can see of each other.
 * @param dir an empty folder
 */
export const makeNextVersion = async (dir: string): Promise<NextVersion> => {
  for (const part of ['src', 'workers', 'containers/shim', 'package.json'])
    await cp(join(checkout, part), join(dir, part), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(dir, 'node_modules'))
  const next = nextOf(version)
  if (!isOlderVersion(version, next)) throw new Error(`${next} does not come after ${version}`)
  for (const [file, from, to] of [...changes, ['package.json', /"version": "[^"]+"/, () => `"version": "${next}"`] as const]) {
    const path = join(dir, file)
    const text = await readFile(path, 'utf8')
    if (!from.test(text)) throw new Error(`${file} has no ${from} any more`)
    await writeFile(path, text.replace(from, to))
  }
  // Its own code builds its own shim.
  const build = `import { shimPath } from '${dir}/src/sandbox/shim.ts'; process.stdout.write(await shimPath())`
  const { stdout: shim } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', build])
  return { version: next, cli: join(dir, 'src/cli/main.ts'), shim }
}
