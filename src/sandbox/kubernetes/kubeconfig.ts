import type { KeyPair } from './pki.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/**
 * A kubeconfig with one context called `local`, everything in it inline.
 * @param server such as `https://127.0.0.1:6443`
 * @returns JSON, which is YAML
 */
export const kubeconfig = (server: string, caPem: string, user: string, pair: KeyPair): string =>
  JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'local', cluster: { server, 'certificate-authority-data': base64(caPem) } }],
      users: [{ name: user, user: { 'client-certificate-data': base64(pair.certPem), 'client-key-data': base64(pair.keyPem) } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user } }],
      'current-context': 'local',
    },
    undefined,
    2,
  )
