import { expect, test } from 'vitest'
import { policyGrants } from '../model/target.ts'
import { catalogue } from './catalogue.ts'
import type { GlobalFlags, Out } from './context.ts'
import { buildProgram } from './program.ts'

const silent: Out = { write: () => {}, isTTY: false, columns: () => 80 }

/** What the parser makes of a command line, without running it. */
const parse = async (
  line: string,
): Promise<{ path: string; args: readonly string[]; options: Record<string, unknown>; flags: GlobalFlags }> => {
  let seen: Awaited<ReturnType<typeof parse>> | undefined
  const program = buildProgram({ stdout: silent, stderr: silent }, async (spec, args, options, flags) => {
    seen = { path: spec.path.join(' '), args, options: options as Record<string, unknown>, flags }
  })
  const words = line.split(' ').filter((word) => !/^[A-Z_]+=/.test(word))
  await program.parseAsync(words.slice(1), { from: 'user' })
  if (seen === undefined) throw new Error(`nothing was parsed from: ${line}`)
  return seen
}

test.each(catalogue.flatMap((spec) => spec.examples.map((example) => [example, spec.path.join(' ')])))(
  'the example "%s" parses',
  async (example, path) => {
    expect((await parse(example)).path).toBe(path)
  },
)

test('every command loads its code', async () => {
  for (const spec of catalogue) expect(typeof (await spec.load()), spec.path.join(' ')).toBe('function')
})

test('global flags may stand before and behind the command', async () => {
  for (const line of ['telpher -o json --server http://a status', 'telpher status --server http://a -o json'])
    expect((await parse(line)).flags).toEqual({ output: 'json', server: 'http://a', color: 'auto' })
})

test('repeated options are kept in order, and names may be joined by commas', async () => {
  const { options } = await parse('telpher deploy x -t a,b --target c --set k=1,2 --set l=3 --no-wait')
  expect(options).toEqual({ target: ['a', 'b', 'c'], set: ['k=1,2', 'l=3'], wait: false })
})

test('a target does not swallow the path behind it', async () => {
  expect(await parse('telpher deploy --target local ./web')).toMatchObject({ args: ['./web'], options: { target: ['local'] } })
})

test.each([
  'telpher nonsense',
  'telpher deploy',
  'telpher deploy a b',
  'telpher deploy a --nonsense',
  'telpher status -o xml',
  'telpher status --color sometimes',
  'telpher target add x',
  'telpher target add x --from-kubeconfig y --grant everything',
  'telpher target',
])('"%s" is refused', async (line) => {
  await expect(parse(line)).rejects.toMatchObject({ exitCode: 1 })
})

test('the grants that can be named are those of the policy', () => {
  const grant = catalogue.flatMap((spec) => spec.options ?? []).find(({ flags }) => flags.startsWith('--grant'))
  expect(grant?.choices).toEqual(policyGrants)
})

test('help says every command with its options, as it did before', () => {
  const help = (spec: (typeof catalogue)[number]): string => {
    const program = buildProgram({ stdout: silent, stderr: silent }, async () => {})
    const command = spec.path.reduce((parent, name) => parent.commands.find((one) => one.name() === name) ?? parent, program)
    return command.configureHelp({ showGlobalOptions: false, helpWidth: 100 }).helpInformation().trim()
  }
  expect(catalogue.map(help).join('\n\n')).toMatchSnapshot()
})
