import { readFile } from 'node:fs/promises'
import { connect } from '../cluster/connection.ts'
import type { Config } from '../config.ts'
import { heldCredential, readKubeconfig } from '../credentials/kubeconfig.ts'
import { TelpherError } from '../model/errors.ts'
import type { ClusterConnection } from '../model/ports.ts'
import { Secret } from '../model/secret.ts'
import { createKubeDriver, type Driver } from '../scaler/kubernetes.ts'

/** Where the kubelet puts what a pod needs to reach its own API server (Kubernetes docs: accessing the API from a pod). */
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount'

const fromKubeconfig = async (file: string, context: string): Promise<ClusterConnection> => {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new TelpherError('invalid_kubeconfig', `TELPHER_SCALER_KUBECONFIG ${file} cannot be read`, { cause })
  })
  const imported = readKubeconfig(text, context)
  return connect(imported, heldCredential(imported, 'scaler'))
}

/** The token is read anew for each connection, since the kubelet replaces it. */
const fromPod = (host: string, port: string): (() => Promise<ClusterConnection>) => {
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${port}`
  return async () => {
    const [token, ca] = await Promise.all([readFile(`${mounted}/token`, 'utf8'), readFile(`${mounted}/ca.crt`, 'utf8')])
    return connect({ server, ca }, { id: 'scaler', kind: 'bearer', token: new Secret(token.trim()) })
  }
}

/**
 * The way to the Kubernetes in which this server's workers run; undefined where there is none.
 * @throws TelpherError invalid_kubeconfig, kubeconfig_plugin
 */
export const scalerDriver = async (
  { scalerKubeconfig, scalerContext }: Pick<Config, 'scalerKubeconfig' | 'scalerContext'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Driver | undefined> => {
  if (scalerKubeconfig !== undefined) return createKubeDriver(await fromKubeconfig(scalerKubeconfig, scalerContext))
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  if (host === undefined) return undefined
  const open = fromPod(host, port)
  return {
    scale: async (place, desired, workers) => {
      const connection = await open()
      try {
        return await createKubeDriver(connection).scale(place, desired, workers)
      } finally {
        connection.close()
      }
    },
  }
}
