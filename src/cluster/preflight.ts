import { mustBeKubernetes, readAnswer, readJson } from '../model/answer.ts'
import type { CheckLine, CheckReport } from '../model/check.ts'
import type { Credential } from '../model/credential.ts'
import { TelpherError } from '../model/errors.ts'
import { chooseImage, findImage, imageTag, skewWarning } from '../model/image.ts'
import { repairOf, withCommand } from '../model/mend.ts'
import type { ClusterConnection, ClusterResponse } from '../model/ports.ts'
import type { Target } from '../model/target.ts'
import { type AddressCheck, ownMachine } from './addresses.ts'
import { connect } from './connection.ts'
import { authoritiesIn, type Expiring, expiryLines } from './expiry.ts'
import { climb, type Found, reach, skipped, timeoutMs } from './reach.ts'

export interface LadderOptions {
  readonly target: Target
  readonly credential: Credential
  /** Name of the worker that runs it. */
  readonly worker: string
  /** The image that the worker was told to use, instead of the one for the server's version. */
  readonly fixedImage?: string | undefined
  /** Which addresses targets may have; those of a person's own machine when absent. */
  readonly addresses?: AddressCheck
  /** Records what is written, if only to be tried. */
  readonly recording?: (connection: ClusterConnection) => ClusterConnection
}

const skewMs = 5000

/** What an apply or helm step needs in each namespace. */
const needed: readonly { readonly group: string; readonly resource: string; readonly verbs: readonly string[] }[] = [
  { group: 'apps', resource: 'deployments', verbs: ['get', 'list', 'watch', 'create', 'patch'] },
  { group: '', resource: 'services', verbs: ['create', 'patch'] },
  { group: '', resource: 'configmaps', verbs: ['create', 'patch'] },
  { group: '', resource: 'secrets', verbs: ['get', 'list', 'create', 'update'] },
  { group: '', resource: 'pods', verbs: ['get', 'list', 'watch'] },
  { group: '', resource: 'events', verbs: ['list'] },
]

const post = async (connection: ClusterConnection, path: string, body: unknown): Promise<{ answer: ClusterResponse; body: unknown }> => {
  const answer = await connection.request({
    method: 'POST',
    path,
    timeoutMs,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
  })
  return { answer, body: await readAnswer(answer.body) }
}

const whoAmI = async (connection: ClusterConnection, server: string): Promise<Found> => {
  const { answer, body } = await post(connection, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
  })
  mustBeKubernetes(server, answer, body)
  if (answer.status === 401) throw new TelpherError('target_unauthorized', 'the API server refused the credential (401)')
  if (answer.status !== 201) return { message: `accepted; the server does not say as whom (${answer.status})` }
  const { status } = body as { status?: { userInfo?: { username?: string } } }
  return { message: `as ${status?.userInfo?.username ?? 'unknown'}` }
}

const mayIn = async (
  connection: ClusterConnection,
  namespace: string,
  group: string,
  resource: string,
  verbs: readonly string[],
): Promise<Found> => {
  const answers = await Promise.all(
    verbs.map(async (verb) => {
      const review = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { namespace, verb, group, resource } },
      }
      const { answer, body } = await post(connection, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', review)
      return { verb, allowed: answer.status === 201 && (body as { status?: { allowed?: boolean } }).status?.allowed === true }
    }),
  )
  const missing = answers.filter(({ allowed }) => !allowed).map(({ verb }) => verb)
  if (missing.length > 0) throw new TelpherError('target_forbidden', `${missing.join(', ')} is not allowed`)
  return { message: verbs.join(', ') }
}

/** A write as a step would do it, through admission, of which nothing is kept (Kubernetes docs: dry-run). */
const dryRun = async (connection: ClusterConnection, namespace: string): Promise<Found> => {
  const { answer, body } = await post(connection, `/api/v1/namespaces/${namespace}/configmaps?dryRun=All`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { generateName: 'telpher-check-' },
  })
  const told = (body as { message?: unknown } | undefined)?.message
  const why = typeof told === 'string' ? told.slice(0, 300) : `it was answered with ${answer.status}`
  if (answer.status === 201) return { message: 'taken; nothing was kept' }
  if (answer.status === 404) return { message: why, status: 'warn', fix: 'Create the namespace before something is deployed there.' }
  throw new TelpherError(answer.status === 403 ? 'target_forbidden' : 'target_error', why)
}

/** What of a target ends some day, besides the certificates that its servers show. */
const expiring = ({ name, ca, account }: Target): readonly Expiring[] => [
  ...authoritiesIn(ca),
  ...(account.expiresAt === undefined
    ? []
    : [
        {
          what: `account (${account.mode})`,
          expiresAt: account.expiresAt,
          from: account.issuedAt,
          vital: true,
          fix: `Give it another one before this one ends: ${repairOf({ name, account })}`,
        },
      ]),
]

/**
 * The ladder of checks against a target, from where its deployments run: name, port, certificate, credential, what it may
 * do in each namespace, versions and clocks. A rung that others stand on stops the climb when it fails.
 */
export const runLadder = async (options: LadderOptions): Promise<CheckReport> => {
  const { target, credential, addresses = ownMachine } = options
  const reached = await reach(target, addresses)
  const lines: CheckLine[] = [...reached.lines]
  let serverVersion: string | undefined
  lines.push(...expiryLines([...reached.shown, ...expiring(target)], Date.now()))
  const opened = connect(target, credential, addresses)
  const connection = options.recording?.(opened) ?? opened
  const stands = (): boolean => lines.every(({ status }) => status !== 'failed')
  lines.push(
    stands() ? await climb('authentication', target.account.mode, () => whoAmI(connection, target.server)) : skipped('authentication'),
  )
  if (stands()) {
    const namespaces = target.policy.namespaces.length > 0 ? target.policy.namespaces : [target.namespace]
    const asked = namespaces.flatMap((namespace) => needed.map((need) => ({ namespace, ...need })))
    lines.push(
      ...(await Promise.all(
        asked.map(({ namespace, group, resource, verbs }) =>
          climb('authorization', `${resource} in ${namespace}`, () => mayIn(connection, namespace, group, resource, verbs)),
        ),
      )),
    )
    const [first = target.namespace] = namespaces
    lines.push(stands() ? await climb('dry-run', `ConfigMap in ${first}`, () => dryRun(connection, first)) : skipped('dry-run'))
    lines.push(
      await climb('version', 'kubectl', async () => {
        const answer = await connection.request({ method: 'GET', path: '/version', timeoutMs })
        const { gitVersion } = (await readJson(answer.body)) as { gitVersion?: string }
        serverVersion = gitVersion
        return imageOf(gitVersion, options.fixedImage)
      }),
    )
    lines.push(await climb('clock', new URL(target.server).host, () => compareClocks(connection)))
  } else for (const rung of ['authorization', 'dry-run', 'version', 'clock'] as const) lines.push(skipped(rung))
  connection.close()
  return {
    target: target.name,
    ok: stands(),
    at: Date.now(),
    worker: options.worker,
    ...(serverVersion === undefined ? {} : { serverVersion }),
    lines: lines.map((line) => withCommand(line, target)),
  }
}

/** Which image steps would run in, and whether its kubectl is supported by the server. */
const imageOf = (server: string | undefined, fixed: string | undefined): Found => {
  const { best, warning } = chooseImage(server)
  const known = fixed === undefined ? best : findImage(fixed)
  const said = `server ${server ?? 'unknown'}`
  if (known === undefined) return { message: `${said}, image ${fixed}` }
  const found = fixed === undefined ? warning : skewWarning(known.kubectl, server)
  if (found === undefined) return { message: `${said}, kubectl ${known.kubectl} in ${imageTag(known)}` }
  return {
    message: found,
    status: 'warn',
    fix: 'Use an execution image with a kubectl of the server’s version: telpher image list.',
  }
}

const compareClocks = async (connection: ClusterConnection): Promise<Found> => {
  const asked = Date.now()
  const answer = await connection.request({ method: 'GET', path: '/version', timeoutMs })
  answer.body.resume()
  const theirs = Date.parse(answer.headers.date ?? '')
  if (Number.isNaN(theirs)) return { message: 'the server gives no time' }
  const skew = theirs - (asked + Date.now()) / 2
  const message = `${(skew / 1000).toFixed(1)} s apart`
  return Math.abs(skew) > skewMs
    ? { message, status: 'warn', fix: 'Set the clocks by NTP: tokens and certificates depend on them.' }
    : { message }
}
