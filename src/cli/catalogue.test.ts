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

test('--server without an address is a question to doctor, and a mistake elsewhere', async () => {
  for (const line of ['telpher doctor --server', 'telpher doctor --server -o json', 'telpher doctor --target a --server']) {
    const { options, flags } = await parse(line)
    expect(options).toMatchObject({ server: true })
    expect(flags.server).toBeUndefined()
  }
  expect((await parse('telpher doctor --server http://a')).flags.server).toBe('http://a')
  for (const line of ['telpher --server http://a doctor --server', 'telpher doctor --server --server http://a'])
    expect(await parse(line)).toMatchObject({ options: { server: true }, flags: { server: 'http://a' } })
  await expect(parse('telpher status --server')).rejects.toMatchObject({ code: 'usage' })
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
  'telpher deploy a b',
  'telpher deploy a --nonsense',
  'telpher status -o xml',
  'telpher status --color sometimes',
  'telpher target add x',
  'telpher target add x --from-kubeconfig y --grant everything',
  'telpher target',
  'telpher completion tcsh',
])('"%s" is refused', async (line) => {
  await expect(parse(line)).rejects.toMatchObject({ exitCode: 1 })
})

test('the grants that can be named are those of the policy', () => {
  const grant = catalogue.flatMap((spec) => spec.options ?? []).find(({ flags }) => flags.startsWith('--grant'))
  expect(grant?.choices).toEqual(policyGrants)
})

const intro = `# Commands

Made from src/cli/catalogue.ts; a test keeps it so (\`npx vitest run --project unit src/cli -u\` writes it anew).

Data goes to standard output, everything else to standard error. \`-o json\` and \`-o yaml\` are one document, \`-o jsonl\` is one a line.
The server is named by \`--server\` and \`--token-file\`, by TELPHER_SERVER and TELPHER_TOKEN_FILE, or it is the one that was
started from this folder or one above it.

| exit code | meaning |
|---|---|
| 0 | it succeeded |
| 1 | internal: Telpher's own ground, or a mistake in it |
| 2 | usage: the command line or what it names is wrong |
| 3 | the server cannot be reached |
| 4 | the token was refused or cannot be read |
| 5 | not found |
| 10 | the deployment or check failed |
| 11 | the deployment was cancelled |
| 12 | the waiting timed out; the deployment goes on |
| 130 | left by Ctrl-C; the deployment goes on |
`

test('the page of commands says what their help says', async () => {
  const help = (spec: (typeof catalogue)[number]): string => {
    const program = buildProgram({ stdout: silent, stderr: silent }, async () => {})
    const command = spec.path.reduce((parent, name) => parent.commands.find((one) => one.name() === name) ?? parent, program)
    const text = command.configureHelp({ showGlobalOptions: false, helpWidth: 110 }).helpInformation().trim()
    return `## telpher ${spec.path.join(' ')}\n\n\`\`\`text\n${text}\n\nExamples:\n${spec.examples.map((example) => `  ${example}`).join('\n')}\n\`\`\`\n`
  }
  await expect([intro, ...catalogue.filter(({ hidden }) => hidden !== true).map(help)].join('\n')).toMatchFileSnapshot(
    '../../docs/reference/commands.md',
  )
})
