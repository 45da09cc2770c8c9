import { spawn } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshName, newTarget, type ServedApi, serveApi, startDeployment } from '../server/api.ts'
import { createTestCli, type TestCli } from './cli.ts'

const main = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const [first, second] = [freshName('aa-target'), freshName('ab-target')]
let served: ServedApi
let cli: TestCli
let deployment: string

beforeAll(async () => {
  served = await serveApi()
  cli = await createTestCli(served)
  for (const name of [first, second]) await served.call('POST', '/v1/targets', newTarget(name))
  deployment = (await startDeployment(served)).id
  const { code, stdout } = await cli.run(['completion', 'bash'])
  expect(code).toBe(0)
  await writeFile(join(cli.dir, 'completion.bash'), stdout)
  await writeFile(join(cli.dir, 'telpher'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  await chmod(join(cli.dir, 'telpher'), 0o755)
})
afterAll(() => served.close())

interface Offered {
  readonly words: readonly string[]
  /** What bash is told about file names. */
  readonly files: boolean
}

/** Sources the script in a real bash, and asks what it offers with the cursor at the end of a line. */
const offered = async (line: string, env: Record<string, string> = {}): Promise<Offered> => {
  const ask = `
    compopt() { [[ $1 == -o ]] && files=yes || files=no; }
    source ./completion.bash
    complete -p telpher >&2
    COMP_LINE=$1 COMP_POINT=\${#1} COMP_WORDS=($1) COMP_CWORD=0
    _telpher ./telpher '' ''
    printf '%s\\n' "$files" "\${COMPREPLY[@]}"`
  const server = { TELPHER_SERVER: served.url, TELPHER_TOKEN_FILE: join(cli.dir, 'token') }
  const child = spawn('bash', ['--norc', '-c', ask, 'bash', line], {
    cwd: cli.dir,
    env: { PATH: process.env['PATH'], HOME: cli.dir, ...server, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect([code, said.stderr]).toEqual([0, 'complete -o default -F _telpher telpher\n'])
  const [files, ...words] = said.stdout.trimEnd().split('\n')
  return { words: words.filter((word) => word !== ''), files: files === 'yes' }
}

test.each([
  ['telpher ta', ['target']],
  ['telpher targets ', ['add', 'list', 'view', 'check', 'edit', 'remove']],
  ['telpher target r', ['remove']],
  ['telpher target rm', ['rm']],
  ['telpher -o json target l', ['list']],
  ['telpher status -o j', ['json', 'jsonl']],
  ['telpher status --output=y', ['yaml']],
  ['telpher --color ', ['auto', 'always', 'never']],
  ['telpher deploy ./web --no', ['--no-wait']],
  ['telpher deploy --set a=b:c --cr', ['--create-namespace']],
  ['telpher target add x --grant bin', ['bind']],
  ['telpher target add x --grant bind,esc', ['bind,escalate']],
  ['telpher target add x --from-kubeconfig ', []],
  ['telpher completion ', ['bash', 'zsh', 'fish']],
  ['telpher completion zsh ', []],
  ['telpher version ', []],
  ['telpher nonsense x ', []],
])('after "%s" bash offers %j', async (line, words) => {
  expect(await offered(line)).toEqual({ words, files: false })
})

test('all commands and all options are offered', async () => {
  const { words } = await offered('telpher ')
  expect(words).toEqual(
    expect.arrayContaining(['deploy', 'status', 'logs', 'cancel', 'target', 'worker', 'server', 'completion', 'version']),
  )
  expect(words).not.toContain('__names')
  expect((await offered('telpher deploy --')).words).toEqual(
    expect.arrayContaining(['--target', '--helm', '--server', '--output', '--help']),
  )
})

test.each(['telpher deploy ', 'telpher deploy --values ', 'telpher target add x --file ./k', 'telpher status --token-file '])(
  'after "%s" bash completes files itself',
  async (line) => {
    expect(await offered(line)).toEqual({ words: [], files: true })
  },
)

test('names come from the server, also after a comma', async () => {
  expect((await offered('telpher deploy ./web --target aa-')).words).toContain(first)
  expect((await offered(`telpher deploy ./web -t ${first},ab-`)).words).toContain(`${first},${second}`)
  expect((await offered('telpher target check ')).words).toEqual(expect.arrayContaining([first, second]))
  expect((await offered('telpher logs dep_')).words).toContain(deployment)
})

test('without a server there are no names, quickly and silently', async () => {
  const started = performance.now()
  expect(await offered('telpher target check ', { TELPHER_SERVER: 'http://127.0.0.1:1' })).toEqual({ words: [], files: false })
  expect(performance.now() - started).toBeLessThan(10_000)
  expect(await cli.run(['__names', 'targets'], { env: {} })).toMatchObject({ code: 0, stderr: '' })
})
