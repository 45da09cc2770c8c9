import { setTimeout as pause } from 'node:timers/promises'
import type { Credential } from '../../model/credential.ts'
import { type ErrorCode, TelpherError } from '../../model/errors.ts'
import { newId } from '../../model/ids.ts'
import type { ClusterConnection } from '../../model/ports.ts'
import { type Api, ask, said } from '../modes/ask.ts'
import { lifetimeOf } from '../modes/lifetime.ts'
import { tokenRequestMode } from '../modes/token-request.ts'
import { whoIs } from '../modes/who.ts'
import { namesOf, type SetupOptions } from './objects.ts'
import { type FoundRisk, type Risk, risksOf } from './risks.ts'
import type { PolicyRule } from './rules.ts'
import { everywhere, type Question, questionsIn } from './user-risks.ts'

/** Roles and policies are in force a moment after they were made, on each API server by itself. */
const settleMs = 20_000
const askMs = 250

const notInForce: readonly ErrorCode[] = ['mint_refused', 'rotation_mint', 'setup_refused']

export interface Proof {
  /** Whom the API server takes a minted token for. */
  readonly username: string
  /** What was found that should not be possible. */
  readonly risks: readonly FoundRisk[]
}

export const untilInForce = async <T>(work: () => Promise<T>): Promise<T> => {
  for (const end = performance.now() + settleMs; ; ) {
    try {
      return await work()
    } catch (thrown) {
      const passing = thrown instanceof TelpherError && notInForce.includes(thrown.code)
      if (!passing || performance.now() > end) throw thrown
      await pause(askMs)
    }
  }
}

/** The policies deny what would be a token for ever; asked without an effect. */
const mustBeDenied = async (bootstrap: Api, home: string, deployer: string): Promise<void> => {
  const told = await ask(bootstrap, {
    method: 'POST',
    path: `/api/v1/namespaces/${home}/secrets?dryRun=All`,
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: { name: `probe-${newId('chk').slice(-8).toLowerCase()}`, annotations: { 'kubernetes.io/service-account.name': deployer } },
    },
  })
  if (told.status < 400 || !said(told).includes('telpher:'))
    throw new TelpherError(
      'setup_refused',
      `the admission policies are not in force: a token Secret was answered with ${told.status}${said(told)}`,
    )
}

const review = async (api: Api, path: string, kind: string, group: string, spec: object): Promise<unknown> => {
  const told = await ask(api, { method: 'POST', path, body: { apiVersion: `${group}/v1`, kind, spec } })
  if (told.status !== 201)
    throw new TelpherError('target_error', `the API server does not say what an identity may do (${told.status})${said(told)}`)
  return (told.body as { status?: unknown }).status
}

const authorization = 'authorization.k8s.io'

/** Whether an identity may do what it should not. */
const answered = async (api: Api, { risk, what, attributes }: Question): Promise<readonly FoundRisk[]> => {
  const path = `/apis/${authorization}/v1/selfsubjectaccessreviews`
  const status = await review(api, path, 'SelfSubjectAccessReview', authorization, { resourceAttributes: attributes })
  return (status as { allowed?: boolean }).allowed === true ? [{ risk, what }] : []
}

/**
 * What an identity may do in namespaces, and everywhere, that it should not. Where something else than RBAC decides too, its rules are not
 * all there is (Kubernetes docs: SelfSubjectRulesReview, incomplete), so that it is asked for each right.
 */
const effectiveRisks = async (api: Api, namespaces: readonly string[]): Promise<readonly FoundRisk[]> => {
  const inNamespace = async (namespace: string): Promise<readonly FoundRisk[]> => {
    const path = `/apis/${authorization}/v1/selfsubjectrulesreviews`
    const { resourceRules = [], incomplete } = (await review(api, path, 'SelfSubjectRulesReview', authorization, { namespace })) as {
      resourceRules?: readonly PolicyRule[]
      incomplete?: boolean
    }
    const asked = incomplete === true ? await Promise.all(questionsIn(namespace).map((question) => answered(api, question))) : []
    return [...risksOf(resourceRules, false), ...asked.flat()]
  }
  const found = await Promise.all([...namespaces.map(inNamespace), ...everywhere.map((question) => answered(api, question))])
  return [...new Map(found.flat().map((one) => [`${one.risk} ${one.what}`, one])).values()]
}

/**
 * Proves a set-up with the bootstrap identity's token alone: it mints, the minted token is the deployer's, the policies hold,
 * and neither may do what it should not, whatever else the cluster grants to it.
 * @param connect to the target, with any credential
 * @throws TelpherError mint_refused, setup_refused, target_*
 */
export const proveSetup = async (
  token: Credential,
  connect: (credential: Credential) => ClusterConnection,
  options: SetupOptions & { readonly server: string },
): Promise<Proof> => {
  const { server, home, namespaces } = options
  const { deployer } = namesOf(options.target)
  const connection = connect(token)
  const bootstrap = { server, connection }
  const mode = tokenRequestMode({
    server,
    bootstrap: connection,
    connect,
    namespace: home,
    serviceAccount: deployer,
    installation: newId('srv'),
  })
  const attempt = { deploymentId: newId('dep'), jobId: newId('job'), attempt: 0 }
  try {
    await untilInForce(() => mustBeDenied(bootstrap, home, deployer))
    const minted = connect(await untilInForce(() => mode.mint(attempt, lifetimeOf(0))))
    try {
      const asDeployer = { server, connection: minted }
      const { username } = await whoIs(asDeployer)
      const places = options.clusterWide ? ['default'] : namespaces
      const found = await Promise.all([effectiveRisks(bootstrap, [home, ...places]), effectiveRisks(asDeployer, places)])
      return { username, risks: found.flat() }
    } finally {
      minted.close()
      await mode.revoke(attempt)
    }
  } finally {
    connection.close()
  }
}

/** @throws TelpherError setup_refused naming what nobody has acknowledged */
export const refuseRisks = (found: readonly FoundRisk[], acknowledged: readonly Risk[]): void => {
  const [first, ...more] = found.filter(({ risk }) => !acknowledged.includes(risk))
  if (first === undefined) return
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  throw new TelpherError(
    'setup_refused',
    `its identity would be able to do more than it should: ${first.what}${others}; --acknowledge ${first.risk} takes the risk`,
  )
}
