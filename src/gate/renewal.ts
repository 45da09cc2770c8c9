import type { ClusterConnection } from '../model/ports.ts'

/**
 * Gets a new credential once for all requests that the old one was refused to.
 * @param connection the connection as it is now
 * @param renew gets another credential, which `connection` then shows
 */
export const createRenewal = (
  connection: () => ClusterConnection,
  renew: () => Promise<void>,
): ((credentialId: string) => Promise<void>) => {
  let running: Promise<void> | undefined
  return async (credentialId) => {
    if (connection().credentialId !== credentialId) return
    running ??= renew().finally(() => {
      running = undefined
    })
    await running
  }
}
