import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { run } from '../run.ts'
import { type BinaryName, versions } from './versions.ts'

const modules = fileURLToPath(new URL('../modules', import.meta.url))

const variables = (entries: Readonly<Record<string, string>>): string =>
  Object.entries(entries)
    .map(([name, value]) => `-X ${name}=${value}`)
    .join(' ')

/** What `kubectl version` and the API server's /version say comes from these variables; source: hack/lib/version.sh of Kubernetes. */
const kubernetesVersion = (): string => {
  const [major = '', minor = ''] = versions.kubernetes.split('.')
  const values = { gitVersion: `v${versions.kubernetes}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' }
  return ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version']
    .map((scope) => variables(Object.fromEntries(Object.entries(values).map(([name, value]) => [`${scope}.${name}`, value]))))
    .join(' ')
}

interface Recipe {
  /** Folder below modules/ with go.mod and go.sum; without it the package is installed at its version. */
  readonly module?: 'kubernetes' | 'etcd'
  readonly pkg: string
  readonly flags: string
}

const recipe = (name: BinaryName): Recipe => {
  if (name === 'etcd') return { module: 'etcd', pkg: 'go.etcd.io/etcd/server/v3', flags: '' }
  if (name === 'kwok') {
    return {
      pkg: `sigs.k8s.io/kwok/cmd/kwok@v${versions.kwok}`,
      flags: variables({ 'sigs.k8s.io/kwok/pkg/consts.Version': `v${versions.kwok}` }),
    }
  }
  if (name === 'helm') {
    return {
      pkg: `helm.sh/helm/v4/cmd/helm@v${versions.helm}`,
      flags: variables({ 'helm.sh/helm/v4/internal/version.version': `v${versions.helm}` }),
    }
  }
  return { module: 'kubernetes', pkg: `k8s.io/kubernetes/cmd/${name}`, flags: kubernetesVersion() }
}

/**
 * Builds one program from its Go modules, which the module proxy and the checksum database vouch for.
 * @param go the Go command
 * @param into folder that gets the binary, under the program's name
 * @throws Error with the end of the compiler's output
 */
export const buildBinary = async (go: string, name: BinaryName, into: string): Promise<void> => {
  const { module, pkg, flags } = recipe(name)
  // The user's own Go settings must not change what is built; where modules come from stays theirs (GOPROXY, GOSUMDB).
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: 'local', GOBIN: into }
  const common = ['-trimpath', '-ldflags', `-s -w ${flags}`]
  if (module === undefined) {
    await run(go, ['install', ...common, pkg], { env, cwd: into })
    return
  }
  const folder = await mkdtemp(`${tmpdir()}/telpher-build-`)
  try {
    await cp(`${modules}/${module}`, folder, { recursive: true })
    await run(go, ['build', '-mod=readonly', ...common, '-o', `${into}/${name}`, pkg], { env, cwd: folder })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
