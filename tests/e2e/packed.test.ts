import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { checkout } from '../../src/sandbox/paths.ts'
import { version } from '../../src/version.ts'

interface Sbom {
  readonly bomFormat: string
  readonly metadata: { readonly component: { readonly purl: string } }
  readonly components: readonly { readonly name: string }[]
}

test('the packed tarball, installed elsewhere, runs as compiled JavaScript', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'telpher-packed-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await execa('npm', ['run', 'build'], { cwd: checkout })
  await execa('npm', ['pack', '--pack-destination', folder], { cwd: checkout })
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'elsewhere', private: true, type: 'module', overrides: { 'msgpackr-extract': '3.0.4' } }),
  )
  await execa('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `./telpher-${version}.tgz`], { cwd: folder })

  const sbom = JSON.parse(await readFile(join(folder, 'node_modules/telpher/dist/sbom.cdx.json'), 'utf8')) as Sbom
  expect([sbom.bomFormat, sbom.metadata.component.purl]).toEqual(['CycloneDX', `pkg:npm/telpher@${version}`])
  const listed = new Set(sbom.components.map(({ name }) => name))
  const { dependencies } = JSON.parse(await readFile(`${checkout}package.json`, 'utf8')) as { dependencies: Record<string, string> }
  expect(Object.keys(dependencies).filter((name) => !listed.has(name))).toEqual([])
  expect(listed.has('vitest')).toBe(false)

  const run = (...args: string[]) => execa(process.execPath, args, { cwd: folder, reject: false, env: { NO_COLOR: '1' } })
  const cli = join(folder, 'node_modules/telpher/dist/src/cli/main.js')
  expect((await run(cli, 'version')).stdout).toContain(version)
  await writeFile(join(folder, 'token'), `tel_${'a'.repeat(43)}\n`, { mode: 0o400 })
  const lost = await run(cli, 'status', '--server', 'http://127.0.0.1:9', '--token-file', join(folder, 'token'))
  expect(lost.exitCode, lost.stderr).toBe(3)
  await writeFile(join(folder, 'deploy.ts'), await readFile(`${checkout}examples/deploy.ts`))
  await writeFile(join(folder, 'web.yaml'), JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } }))
  const example = await execa(process.execPath, ['deploy.ts', 'web.yaml', 'eu'], {
    cwd: folder,
    reject: false,
    env: { TELPHER_SERVER: 'http://127.0.0.1:9', TELPHER_TOKEN_FILE: join(folder, 'token') },
  })
  expect([example.exitCode, example.stderr]).toEqual([1, expect.stringContaining('server_unreachable: ')])
  // The types that were shipped are those that programs need.
  const compiler = {
    module: 'nodenext',
    target: 'es2024',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [`${checkout}node_modules/@types`],
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compiler, skipLibCheck: true }, files: ['deploy.ts'] }),
  )
  await execa(`${checkout}node_modules/.bin/tsc`, ['-p', '.'], { cwd: folder })
  // The thread of the logs is a file that nothing imports.
  const thread = `
    import { openProducer } from 'telpher/producer'
    import { createLogs } from './node_modules/telpher/dist/workers/logs/logs.js'
    const logs = createLogs()
    const log = logs.open({ appendPacked: async ([{ count }]) => console.log(typeof openProducer, count), end: async () => {} })
    log.say('one')
    await log.end()
    log.close()
    await logs.close()`
  await writeFile(join(folder, 'thread.js'), thread)
  expect((await run('thread.js')).stdout).toBe('function 1')
  // Without Redis a server says so and ends: everything that it is made of was found.
  const server = await execa(process.execPath, [cli, 'server', 'start'], {
    cwd: folder,
    reject: false,
    timeout: 60_000,
    env: { TELPHER_REDIS_URL: 'redis://127.0.0.1:9', TELPHER_DATA_DIR: join(folder, 'data'), NO_COLOR: '1' },
  })
  expect(server.stderr).toContain('redis_unreachable')
  expect(server.exitCode).not.toBe(0)
})
