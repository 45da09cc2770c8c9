import type { PlanFile } from '../model/plan.ts'

/**
 * The kubeconfig of an execution container: it names the gate and holds no credential, only the way to it.
 * @param options.port where the shim listens, inside the container
 * @param options.nonce the path segment that the gate expects
 */
export const kubeconfigFile = (options: { readonly port: number; readonly nonce: string; readonly namespace: string }): PlanFile => ({
  path: kubeconfigName,
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

/** Where a program finds itself: the folder that it starts in, and where programs are looked for. */
export interface Place {
  /** Absolute; its only writable place. */
  readonly folder: string
  /** The PATH. */
  readonly path: string
}

/** The place of an execution container; plans are written for it. */
export const containerPlace: Place = { folder: '/work', path: '/usr/local/bin:/usr/bin:/bin' }

/** In the working directory: programs are told of it by a relative path. */
export const kubeconfigName = 'kubeconfig'

/** The whole environment of a step's program. */
export const stepEnvironment: Readonly<Record<string, string>> = {
  PATH: containerPlace.path,
  HOME: containerPlace.folder,
  TMPDIR: containerPlace.folder,
  KUBECONFIG: `${containerPlace.folder}/${kubeconfigName}`,
}

/**
 * The environment of a plan as it is elsewhere than in an execution container: paths below the working directory are taken along.
 * Arguments need nothing of the kind: they name the working directory's files by relative paths.
 */
export const environmentIn = ({ folder, path }: Place, env: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).map(([name, value]) => {
      if (name === 'PATH') return [name, path]
      const isBelow = value === containerPlace.folder || value.startsWith(`${containerPlace.folder}/`)
      return [name, isBelow ? `${folder}${value.slice(containerPlace.folder.length)}` : value]
    }),
  )
