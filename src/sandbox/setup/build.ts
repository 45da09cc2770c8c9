import { existsSync } from 'node:fs'
import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { run } from '../run.ts'
import type { Program } from './versions.ts'

const modules = fileURLToPath(new URL('../modules', import.meta.url))

const variables = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, value]) => `-X ${name}=${value}`)
    .join(' ')

/** What `kubectl version` and the API server's /version say comes from these variables; source: hack/lib/version.sh of Kubernetes. */
const kubernetesVersion = (version: string): string => {
  const [major = '', minor = ''] = version.split('.')
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .map((scope) => variables(Object.fromEntries(Object.entries(values).map(([name, value]) => [`${scope}.${name}`, value]))))
    .join(' ')
}

interface Recipe {
  /** Folder below modules/ with go.mod and go.sum; without it the package is installed at its version. */
  readonly module?: string
  readonly pkg: string
  readonly flags: string
}

/** A kubectl of another minor than the sandbox's has a module of its own, with nothing else in it. */
const kubernetesModule = (version: string): string => {
  const own = `kubectl-${version.split('.').slice(0, 2).join('.')}`
  return existsSync(`${modules}/${own}`) ? own : 'kubernetes'
}

const recipe = ({ name, version }: Program): Recipe => {
  if (name === 'etcd') return { module: 'etcd', pkg: 'go.etcd.io/etcd/server/v3', flags: '' }
  if (name === 'kwok') {
    return { pkg: `sigs.k8s.io/kwok/cmd/kwok@v${version}`, flags: variables({ 'sigs.k8s.io/kwok/pkg/consts.Version': `v${version}` }) }
  }
  if (name === 'helm') {
    const path = `helm.sh/helm/v${version.split('.')[0]}`
    return { pkg: `${path}/cmd/helm@v${version}`, flags: variables({ [`${path}/internal/version.version`]: `v${version}` }) }
  }
  return { module: kubernetesModule(version), pkg: `k8s.io/kubernetes/cmd/${name}`, flags: kubernetesVersion(version) }
}

/**
 * Installs a package at its version. Go refuses GOBIN for another architecture: without it the binary goes below GOPATH, which is
 * another one for the time, while modules stay where they always are.
 */
const install = async (
  go: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { name, arch }: Program,
  into: string,
): Promise<void> => {
  const [modcache = '', host = ''] = (await run(go, ['env', 'GOMODCACHE', 'GOHOSTARCH'], { env })).split('\n')
  const folder = await mkdtemp(`${tmpdir()}/telpher-build-`)
  try {
    await run(go, ['install', ...args], { env: { ...env, GOPATH: folder, GOMODCACHE: modcache }, cwd: into })
    await cp(`${folder}/bin/${arch === host ? '' : `linux_${arch}/`}${name}`, `${into}/.${name}`)
    await rename(`${into}/.${name}`, `${into}/${name}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/**
 * Builds one program from its Go modules, which the module proxy and the checksum database vouch for; for another architecture by
 * cross-compiling, which pure Go can.
 * @param go the Go command
 * @param into folder that gets the binary, under the program's name
 * @throws Error with the end of the compiler's output
 */
export const buildBinary = async (go: string, program: Program, into: string): Promise<void> => {
  const { module, pkg, flags } = recipe(program)
  // The user's own Go settings must not change what is built; where modules come from stays theirs (GOPROXY, GOSUMDB).
  const own = { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: 'local', GOOS: 'linux', GOARCH: program.arch }
  const { GOBIN: _, ...around } = process.env
  const env = { ...around, ...own }
  const common = ['-trimpath', '-ldflags', `-s -w ${flags}`]
  if (module === undefined) return install(go, [...common, pkg], env, program, into)
  const folder = await mkdtemp(`${tmpdir()}/telpher-build-`)
  try {
    await cp(`${modules}/${module}`, folder, { recursive: true })
    await run(go, ['build', '-mod=readonly', ...common, '-o', `${into}/${program.name}`, pkg], { env, cwd: folder })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
