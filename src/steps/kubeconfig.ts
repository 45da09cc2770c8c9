import type { PlanFile } from '../model/plan.ts'

/**
 * The kubeconfig of an execution container: it names the gate and holds no credential, only the way to it.
 * @param options.port where the shim listens, inside the container
 * @param options.nonce the path segment that the gate expects
 */
export const kubeconfigFile = (options: { readonly port: number; readonly nonce: string; readonly namespace: string }): PlanFile => ({
  path: 'kubeconfig',
  mode: 0o600,
  content: JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'target', cluster: { server: `http://127.0.0.1:${options.port}/${options.nonce}` } }],
    contexts: [{ name: 'target', context: { cluster: 'target', user: 'step', namespace: options.namespace } }],
    users: [{ name: 'step', user: {} }],
    'current-context': 'target',
  }),
})

/** The working directory of an execution container, its only writable place. */
export const workingDirectory = '/work'

/** Where programs find the kubeconfig. */
export const kubeconfigPath: string = `${workingDirectory}/kubeconfig`

/** The whole environment of a step's program. */
export const stepEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: workingDirectory,
  TMPDIR: workingDirectory,
  KUBECONFIG: kubeconfigPath,
}
