import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { summarize } from '../../../src/credentials/account.ts'
import { createAuditSigner } from '../../../src/credentials/auditkey.ts'
import { type Binder, createBinder } from '../../../src/credentials/bound.ts'
import { createIssuer } from '../../../src/credentials/federation/issuer.ts'
import { type Keyring, loadKeyFile, type MasterKey } from '../../../src/credentials/keyfile.ts'
import { createPackageVault } from '../../../src/credentials/packages.ts'
import { reseal, seal } from '../../../src/credentials/seal.ts'
import { makeSigner, openSigner } from '../../../src/credentials/signer.ts'
import { createVault } from '../../../src/credentials/vault.ts'
import { newId } from '../../../src/model/ids.ts'
import { Secret } from '../../../src/model/secret.ts'
import { signText } from '../../../src/model/signature.ts'
import { openQueue, type Queue } from '../../../src/queue/index.ts'
import { createApi } from '../../../src/server/api.ts'
import type { Api, ApiDeps } from '../../../src/server/context.ts'
import { listen } from '../../../src/server/listen.ts'
import { createPackageRoom, type PackageRoom } from '../../../src/server/packageroom.ts'
import { openStore, type Store } from '../../../src/store/index.ts'
import { sharedRedis } from '../../support/sandbox.ts'

/** The real API over the run's Redis, on a free port; without scheduler and workers: a test writes what those would. */
export interface ServedApi {
  readonly url: string
  readonly token: string
  readonly api: Api
  readonly store: Store
  readonly queue: Queue
  readonly packages: PackageRoom
  readonly binder: Binder
  /** Files that only the server reads. */
  readonly secrets: { readonly keyFile: string; readonly tokenFile: string }
  /** What the server logged. */
  readonly logged: string[]
  /** A request with the token, or with the headers given in place of it. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>
  close(): Promise<void>
}

/** A file that only its owner may read. */
const secretFile = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(await mkdtemp(join(tmpdir(), 'telpher-api-')), name)
  await writeFile(path, content, { mode: 0o400 })
  return path
}

/** @param options.port of a server that was closed, to come back at the same address */
export const serveApi = async (
  options: {
    readonly port?: number
    readonly redisUrl?: string
    readonly token?: string
    readonly key?: MasterKey & Partial<Keyring>
    readonly issuerUrl?: string
    /** What a server saw of the record of who did what. */
    readonly seen?: NonNullable<ApiDeps['audit']['seen']>
  } = {},
): Promise<ServedApi> => {
  const redisUrl = options.redisUrl ?? (await sharedRedis())
  const [store, queue] = [await openStore({ url: redisUrl }), openQueue({ url: redisUrl })]
  const token = options.token ?? `tel_${randomBytes(32).toString('base64url')}`
  const keyFile = await secretFile('key', options.key?.key ?? randomBytes(32))
  const key = options.key ?? (await loadKeyFile(keyFile))
  const tokenFile = await secretFile('token', token)
  const logged: string[] = []
  const note = (fields: object, message: string): void => {
    logged.push(`${message} ${JSON.stringify(fields)}`)
  }
  // Of this server alone: those of other tests on the same Redis have other master keys.
  const signer = openSigner(key, makeSigner(key))
  const binder = createBinder(signer)
  const packageVault = createPackageVault(key, signer)
  const packages = createPackageRoom(store, packageVault)
  await store.packages.setUploadTo(signText('package key', packageVault.sealTo, signer.privateKey))
  const closing = new AbortController()
  const api = createApi({
    store,
    queue,
    seal: (account, plaintext) => seal(key, { type: 'account', id: account, version: 1, plaintext }),
    vault: createVault(key),
    packages,
    binder,
    signer,
    reseal: (record) => reseal(key, record),
    kids: [key.kid, ...(options.key?.older ?? []).map(({ kid }) => kid)],
    audit: { signer: createAuditSigner(key), ...(options.seen === undefined ? {} : { seen: options.seen }) },
    summarize,
    targetCheckMs: 300_000,
    issuer: createIssuer(options.issuerUrl, await store.installation()),
    token: new Secret(token),
    version: '0.0.0',
    secrets: { keyFile, tokenFile },
    log: { error: note, warn: note, info: note },
    closing: closing.signal,
  })
  const listener = await listen(api, { host: '127.0.0.1', port: options.port ?? 0 })
  return {
    url: listener.url,
    token,
    api,
    store,
    queue,
    packages,
    binder,
    secrets: { keyFile, tokenFile },
    logged,
    call: (method, path, body, headers = { authorization: `Bearer ${token}` }) =>
      fetch(`${listener.url}${path}`, {
        method,
        headers: { ...(body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body) }),
      }),
    close: async () => {
      closing.abort()
      await listener.close(1000)
      await queue.close()
      await store.close()
    },
  }
}

/** A name that no other test uses: all share one Redis. */
export const freshName = (prefix: string): string => `${prefix}-${newId('req').slice(-12).toLowerCase()}`

/** Bytes that the API takes for a package, different each time. */
export const somePackage = (): Buffer => gzipSync(randomBytes(32))

/** A new target as a request body. */
export const newTarget = (name: string, changes: object = {}): object => ({
  name,
  server: `https://${name}.example:6443`,
  credential: { kind: 'bearer', token: `secret-of-${name}` },
  ...changes,
})

/** Adds a target and a package, and starts a deployment of it. @returns its id and those of its jobs */
export const startDeployment = async (
  served: ServedApi,
  options: { readonly targets?: number; readonly headers?: Record<string, string> } = {},
): Promise<{ id: string; jobIds: string[]; targets: string[] }> => {
  const targets = Array.from({ length: options.targets ?? 1 }, () => freshName('target'))
  for (const name of targets) await served.call('POST', '/v1/targets', newTarget(name))
  const { sha256 } = (await (await served.call('POST', '/v1/packages', somePackage())).json()) as { sha256: string }
  const answer = await served.call(
    'POST',
    '/v1/deployments',
    { steps: [{ kind: 'apply', name: 'web', package: sha256 }], targets },
    options.headers,
  )
  const run = (await answer.json()) as { deployment: { id: string }; jobs: { jobId: string }[] }
  return { id: run.deployment.id, jobIds: run.jobs.map(({ jobId }) => jobId), targets }
}
