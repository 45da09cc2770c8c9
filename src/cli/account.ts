import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import type { AccountState } from '../model/account.ts'
import { TelpherError } from '../model/errors.ts'
import type { RotationAnswer } from '../model/rotation.ts'
import { matchesTags } from '../model/tags.ts'
import type { Target } from '../model/target.ts'
import { type AccountUse, type UseKind, useKinds } from '../model/use.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { type ContextFlags, contextOf } from './kubeconfig-context.ts'
import { print, table } from './output.ts'
import { seconds } from './seconds.ts'
import { readSecretValue } from './secret-value.ts'
import { age, safe } from './text.ts'

/** Flags of commands that ask for something and wait for what comes of it. */
export interface RotatingFlags {
  readonly wait: boolean
  readonly timeout: string
}

const iso = (at: number | undefined): string => (at === undefined ? '' : new Date(at).toISOString())

const versionsOf = ({ versions }: AccountState): string =>
  versions.map(({ version, is }) => (is === 'used' ? String(version) : `${version} (${is})`)).join(', ')

const usedAgo = ({ used }: AccountState, now: number): string => {
  const at = Math.max(...useKinds.map((kind) => used[kind]?.at ?? 0))
  return at === 0 ? '' : age(at, now)
}

const rowOf = (account: AccountState, now: number): string[] => [
  account.target,
  account.mode,
  versionsOf(account),
  account.state,
  account.issuedAt === undefined ? '' : age(account.issuedAt, now),
  iso(account.expiresAt),
  account.provenAt === undefined ? '' : age(account.provenAt, now),
  usedAgo(account, now),
  iso(account.nextAt),
]

const header = ['TARGET', 'MODE', 'VERSIONS', 'STATE', 'AGE', 'EXPIRES', 'PROVEN', 'USED', 'NEXT']

const whoUsed: Readonly<Record<UseKind, (use: AccountUse) => string>> = {
  job: ({ deploymentId = '?', attempt = 1 }) => `attempt ${attempt} of ${deploymentId}`,
  server: () => 'a server, through the pipe',
}

/** The last use of each kind, a line each: by whom, and what the API server said. */
export const useLines = ({ used }: Pick<AccountState, 'used'>, now: number): string[] =>
  useKinds.flatMap((kind) => {
    const use = used[kind]
    if (use === undefined) return []
    const { at, verb, resource, subresource, namespace, name, code, auditId } = use
    const what = [`${resource}${subresource === undefined ? '' : `/${subresource}`}`, ...(name === undefined ? [] : [name])].join(' ')
    const where = namespace === undefined ? '' : ` in ${namespace}`
    const trace = auditId === undefined ? '' : `, Audit-Id ${auditId}`
    return [safe(`used ${age(at, now)} ago by ${whoUsed[kind](use)}: ${verb} ${what}${where}, answered with ${code}${trace}`)]
  })

/** What is wrong with an account, and the command that mends it, for people. */
export const alarmLines = ({ target, alarms }: Pick<AccountState, 'target' | 'alarms'>, { paint }: Pick<Cli, 'paint'>): string[] =>
  alarms.flatMap(({ level, sentence, fix }) => [
    `${level === 'alarm' ? paint.red('✗') : paint.yellow('!')} ${safe(target)}: ${safe(sentence)}`,
    `    ${paint.bold('fix:')} ${safe(fix)}`,
  ])

/** `telpher account status [TARGET]`. */
export const runAccountStatus: Command<object> = async (cli, [name]) => {
  const client = await cli.client()
  const accounts = name === undefined ? await client.accounts() : [await client.account(name)]
  const now = Date.now()
  await print(cli, name === undefined ? accounts : accounts[0], () => {
    if (accounts.length === 0) return ''
    const rows = accounts.map((account) => rowOf(account, now))
    const uses = name === undefined ? [] : accounts.flatMap((account) => useLines(account, now))
    return [table(header, rows), ...[...uses, ...accounts.flatMap((account) => alarmLines(account, cli))].map((line) => `${line}\n`)].join(
      '',
    )
  })
  if (accounts.length === 0) cli.say('No targets yet. Add one with: telpher target add NAME --from-kubeconfig CONTEXT')
  return accounts.some(({ alarms }) => alarms.some(({ level }) => level === 'alarm')) ? exitCodes.failed : exitCodes.ok
}

const words: Partial<Record<AccountState['state'], (account: AccountState) => string>> = {
  draining: ({ target, version }) =>
    `${target}: version ${version} is used; the one before it is revoked in a minute. Until then: telpher account rollback ${target}`,
  revoked: ({ target }) => `${target}: the old credential is revoked; its refusal takes the API server up to 10 s`,
}

/**
 * Asks for something of an account and waits for what comes of it.
 * @returns undefined when the time was over: it goes on
 */
export const askAndWait = async (
  cli: Pick<Cli, 'say'>,
  client: Client,
  asked: { readonly target: string; readonly kind: 'rotate' | 'revoke' | 'rollback' | 'replace'; readonly credential?: object },
  timeoutMs: number,
): Promise<RotationAnswer | undefined> => {
  const { id } = await client.rotateAccount(asked.target, asked.kind, asked.credential)
  let said = ''
  for (const end = performance.now() + timeoutMs; performance.now() < end; await pause(250)) {
    const account = await client.account(asked.target)
    if (account.answer?.id === id) return account.answer
    if (account.state !== said) {
      said = account.state
      const sentence = words[account.state]?.(account)
      if (sentence !== undefined) cli.say(sentence)
    }
  }
  return undefined
}

type Asked = Parameters<typeof askAndWait>[2]

const exitOf = (answers: readonly (RotationAnswer | undefined)[]): number => {
  if (answers.some((answer) => answer?.ok === false)) return exitCodes.failed
  return answers.includes(undefined) ? exitCodes.waitTimedOut : exitCodes.ok
}

/** Asks it of several targets at once, and says what came of each. */
const rotateAll = async (cli: Cli, client: Client, all: readonly Asked[], flags: RotatingFlags): Promise<number> => {
  if (!flags.wait) {
    const ids = await Promise.all(
      all.map(async ({ target, kind, credential }) => ({ target, ...(await client.rotateAccount(target, kind, credential)) })),
    )
    await print(cli, ids, () => ids.map(({ target }) => `${target}: asked for; see telpher account status ${target}\n`).join(''))
    return exitCodes.ok
  }
  const timeoutMs = seconds(flags.timeout, '--timeout') * 1000
  const results = await Promise.all(
    all.map(async (asked) => ({ target: asked.target, answer: await askAndWait(cli, client, asked, timeoutMs) })),
  )
  const sentence = (answer: RotationAnswer | undefined): string =>
    answer?.sentence ?? 'not done yet; it goes on: telpher account status shows how far it is'
  await print(cli, results, () => results.map(({ target, answer }) => `${safe(target)}: ${safe(sentence(answer))}\n`).join(''))
  for (const { target, answer } of results)
    if (answer?.ok === false) for (const line of alarmLines(await client.account(target), cli)) cli.say(line)
  return exitOf(results.map(({ answer }) => answer))
}

interface GivenFlags extends ContextFlags {
  readonly fromKubeconfig?: string
  readonly token?: string
}

/** What was given, as the account of this target holds it. */
const givenFor = async (cli: Cli, { account }: Target, { fromKubeconfig, token, file }: GivenFlags): Promise<object | undefined> => {
  if (fromKubeconfig !== undefined && token !== undefined)
    throw new TelpherError('usage', 'give a context or --token, not both', { field: '--token' })
  if (account.mode === 'token-request' && (fromKubeconfig ?? token) !== undefined)
    throw new TelpherError('usage', 'it renews itself; to give it another token: telpher account repair', { field: '--token' })
  if (fromKubeconfig !== undefined) return (await contextOf(cli, fromKubeconfig, file === undefined ? {} : { file })).credential
  return token === undefined ? undefined : { kind: 'bearer', token: await readSecretValue(cli, token, '--token') }
}

/** `telpher account rotate TARGET`. */
export const runAccountRotate: Command<GivenFlags & RotatingFlags> = async (cli, [name = ''], flags) => {
  const client = await cli.client()
  const credential = await givenFor(cli, await client.target(name), flags)
  const asked: Asked = credential === undefined ? { target: name, kind: 'rotate' } : { target: name, kind: 'replace', credential }
  return rotateAll(cli, client, [asked], flags)
}

/** `telpher account rollback TARGET`. */
export const runAccountRollback: Command<RotatingFlags> = async (cli, [name = ''], flags) =>
  rotateAll(cli, await cli.client(), [{ target: name, kind: 'rollback' }], flags)

interface RevokeFlags extends RotatingFlags {
  readonly tag?: readonly string[]
  readonly all?: boolean
}

/** `telpher account revoke [TARGET] --now [--tag TAGS | --all]`. */
export const runAccountRevoke: Command<RevokeFlags> = async (cli, [name], flags) => {
  const { tag = [], all = false } = flags
  if ([name !== undefined, tag.length > 0, all].filter((given) => given).length !== 1)
    throw new TelpherError('usage', 'say which: a target, --tag or --all', { field: 'target' })
  const client = await cli.client()
  const targets = await client.targets()
  const meant = name === undefined ? targets.filter(({ tags }) => tag.every((one) => matchesTags(one, tags))) : [await client.target(name)]
  const [own, others] = [
    meant.filter(({ account }) => account.mode === 'token-request'),
    meant.filter(({ account }) => account.mode !== 'token-request'),
  ]
  for (const { name: other, account } of others)
    cli.say(
      `${other}: a ${account.mode} is not Telpher's to end: replace it with telpher account rotate ${other}, and end the old one in the cluster`,
    )
  if (own.length === 0) throw new TelpherError('rotation_refused', 'none of them has a credential that Telpher can end')
  const code = await rotateAll(
    cli,
    client,
    own.map((target) => ({ target: target.name, kind: 'revoke' })),
    flags,
  )
  return others.length > 0 && code === exitCodes.ok ? exitCodes.failed : code
}
