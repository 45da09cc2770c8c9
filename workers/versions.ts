import type { RunDeps } from '../src/steps/run.ts'

/** What a worker remembers of servers' versions: enough for every target of a pool, and bounded. */
const most = 10_000

/**
 * The versions that API servers said last, by their addresses. They only say which container is begun with: each job asks the
 * server anyway and takes another container when the version has changed, so nothing here can grow stale. A server that was not heard
 * yet likely has the version of the one before it: those of a pool are alike.
 */
export const createVersions = (): ((server: string) => RunDeps['version']) => {
  const heard = new Map<string, string>()
  let latest: string | undefined
  return (server) => ({
    last: () => heard.get(server) ?? latest,
    heard(version) {
      heard.delete(server)
      if (version !== undefined) heard.set(server, version)
      latest = version ?? latest
      const [oldest] = heard.keys()
      if (heard.size > most && oldest !== undefined) heard.delete(oldest)
    },
  })
}
