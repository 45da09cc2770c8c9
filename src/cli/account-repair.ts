import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/http.ts'
import type { PlainCredential } from '../credentials/account.ts'
import { namesOf, type SetupOptions } from '../credentials/bootstrap/objects.ts'
import { TelpherError } from '../model/errors.ts'
import type { RotationAnswer } from '../model/rotation.ts'
import type { Target } from '../model/target.ts'
import { alarmLines, askAndWait, type RotatingFlags } from './account.ts'
import type { Cli, Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { adminContextOf, type ContextFlags } from './kubeconfig-context.ts'
import { print } from './output.ts'
import { seconds } from './seconds.ts'
import { readSecretValue } from './secret-value.ts'

interface RepairFlags extends ContextFlags, RotatingFlags {
  readonly fromKubeconfig?: string
  readonly token?: string
  readonly clusterWide?: boolean
  readonly yes?: boolean
}

/** What is said of a token that nothing but its expiry ends: it is on the list of the account until then. */
const isDone = (answer: RotationAnswer | undefined): boolean => answer?.ok === true || answer?.code === 'rotation_unconfirmed'

/** New rights are in force a moment after they were made, on each API server by itself. */
const settleMs = 20_000

/** The account renews itself with the token that it has, as soon as it may. */
const renew = async (cli: Cli, client: Client, target: string, timeoutMs: number): Promise<RotationAnswer | undefined> => {
  for (const end = performance.now() + settleMs; ; await pause(1000)) {
    const answer = await askAndWait(cli, client, { target, kind: 'rotate' }, timeoutMs)
    if (answer?.code !== 'rotation_mint' || performance.now() > end) return answer
  }
}

/** A token that somebody minted takes the place of the one that is dead; then the account renews itself with it. */
const take = async (
  cli: Cli,
  client: Client,
  target: string,
  credential: PlainCredential,
  timeoutMs: number,
): Promise<RotationAnswer | undefined> => {
  const answer = await askAndWait(cli, client, { target, kind: 'replace', credential }, timeoutMs)
  return isDone(answer) ? renew(cli, client, target, timeoutMs) : answer
}

const setupOf = ({ name, account, policy }: Target, { clusterWide }: RepairFlags): SetupOptions => {
  const [home = ''] = account.deployer?.split('/') ?? []
  if (policy.namespaces.length === 0 && clusterWide !== true)
    throw new TelpherError('usage', 'the target has no namespaces of its own: say --cluster-wide if its identity was set up so', {
      field: '--cluster-wide',
    })
  return { target: name, home, namespaces: policy.namespaces, clusterWide: clusterWide ?? false }
}

/** With a context: rights and policies anew; a token only where the account cannot renew itself with the one that it has. */
const withContext = async (cli: Cli, client: Client, target: Target, context: string, flags: RepairFlags, timeoutMs: number) => {
  const { applyIdentity, takeBootstrap } = await import('./target-setup.ts')
  const options = setupOf(target, flags)
  const admin = await adminContextOf(cli, context, flags)
  await applyIdentity(cli, admin, options, flags.yes ?? false)
  const answer = await renew(cli, client, target.name, timeoutMs)
  if (answer?.code !== 'target_unauthorized' && answer?.code !== 'credential_expired') return answer
  cli.say('The API server refuses the token that Telpher has: another one is taken with the context.')
  return take(cli, client, target.name, await takeBootstrap(admin, options), timeoutMs)
}

/** `telpher account repair TARGET`. */
export const runAccountRepair: Command<RepairFlags> = async (cli, [name = ''], flags) => {
  const { fromKubeconfig, token } = flags
  const client = await cli.client()
  const target = await client.target(name)
  const { mode, deployer = '' } = target.account
  if (mode !== 'token-request')
    throw new TelpherError(
      'rotation_refused',
      `the account of ${name} is a ${mode}: give it another one with telpher account rotate ${name}`,
    )
  const [namespace = '', serviceAccount = ''] = deployer.split('/')
  if (fromKubeconfig === undefined && token === undefined) {
    const account = await client.account(name)
    const command = `kubectl create token ${namesOf(name).bootstrap} --namespace ${namespace} --duration 15m | telpher account repair ${name} --token -`
    await print(cli, { target: name, command, alarms: account.alarms }, () => `${command}\n`)
    for (const line of alarmLines(account, cli)) cli.say(line)
    cli.say('With a context that may set it up, this does all of it: telpher account repair NAME --from-kubeconfig CONTEXT')
    return exitCodes.ok
  }
  const timeoutMs = seconds(flags.timeout, '--timeout') * 1000
  const answer =
    token === undefined
      ? await withContext(cli, client, target, fromKubeconfig ?? '', flags, timeoutMs)
      : await take(
          cli,
          client,
          name,
          { kind: 'token-request', token: await readSecretValue(cli, token, '--token'), namespace, serviceAccount },
          timeoutMs,
        )
  await print(cli, { target: name, answer }, () => `${name}: ${answer?.sentence ?? 'not done yet; it goes on'}\n`)
  if (answer === undefined) return exitCodes.waitTimedOut
  return isDone(answer) ? exitCodes.ok : exitCodes.failed
}
