import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { startCluster } from '../../src/sandbox/cluster.ts'
import { ensureDocker } from '../../src/sandbox/docker.ts'
import { startAny, type Topology } from './topology.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where test files ask for the parts that they share; see sandbox.ts. */
    sandbox: string
  }
}

interface Part {
  /** What a test file gets; plain data. */
  readonly access: object
  stop(): Promise<void>
}

const startPart = async (name: string, dir: string): Promise<Part> => {
  if (name.startsWith('redis-')) {
    const redis = await startAny(name.slice('redis-'.length) as Topology, dir, {})
    return { access: { url: redis.url }, stop: redis.stop }
  }
  if (name === 'docker') {
    const docker = await ensureDocker()
    return { access: { socketPath: docker.socketPath }, stop: docker.stop }
  }
  if (name === 'real' || name === 'kwok' || name === 'none') {
    const { apiserver, stop, ...cluster } = await startCluster({ dir, node: name, audit: true, temporary: true })
    return { access: cluster, stop }
  }
  throw new Error(`no such part: ${name}`)
}

/**
 * Serves the parts that test files share, each started when the first one asks for it, so that a run of one file starts only what it needs.
 * One server for all projects of a run: they share the parts too.
 */
const serve = async (): Promise<{ url: string; stop(): Promise<void> }> => {
  const dir = await mkdtemp(join(tmpdir(), 'telpher-test-'))
  const parts = new Map<string, Promise<Part>>()
  const server = createServer(async (request, response) => {
    const name = (request.url ?? '/').slice(1)
    try {
      const part = parts.get(name) ?? startPart(name, join(dir, name))
      parts.set(name, part)
      response.end(JSON.stringify((await part).access))
    } catch (error) {
      response.writeHead(500).end(error instanceof Error ? error.message : String(error))
    }
  })
  // Starting a cluster on a busy machine may take longer than the server's default patience.
  server.requestTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      for (const part of parts.values()) await part.then(({ stop }) => stop()).catch(() => undefined)
      await rm(dir, { recursive: true, force: true })
    },
  }
}

interface Shared {
  users: number
  server?: ReturnType<typeof serve>
}

/** Each project loads this file anew: what they share must hang on the process. */
const holder = globalThis as { telpherSandbox?: Shared }

/** Vitest calls it once for each project that has tests to run, and what it returns at the end. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  holder.telpherSandbox ??= { users: 0 }
  const shared = holder.telpherSandbox
  shared.users++
  shared.server ??= serve()
  project.provide('sandbox', (await shared.server).url)
  return async () => {
    if (--shared.users > 0) return
    const server = shared.server
    delete shared.server
    await (await server)?.stop()
  }
}
