import type { CheckLine } from './check.ts'
import type { ErrorCode } from './errors.ts'
import type { Target } from './target.ts'

type Mended = Pick<Target, 'name' | 'pool' | 'account'>

/** Gives a target a credential that works. */
export const repairOf = ({ name, account }: Pick<Mended, 'name' | 'account'>): string =>
  account.mode === 'token-request'
    ? `telpher account repair ${name} --from-kubeconfig CONTEXT`
    : `telpher account rotate ${name} --from-kubeconfig CONTEXT`

/** Looks at a target from its pool, and says what is in the way. */
export const checkOf = ({ name }: Pick<Mended, 'name'>): string => `telpher target check ${name}`

const edit =
  (option: string) =>
  ({ name }: Mended): string =>
    `telpher target edit ${name} ${option}`
const startWorker = ({ pool }: Mended): string => `TELPHER_POOL=${pool} telpher worker start`
const lookAtServer = (): string => 'telpher doctor --server'

const commands: Partial<Record<ErrorCode, (target: Mended) => string>> = {
  target_dns: edit('--server URL'),
  target_unreachable: edit('--server URL'),
  target_tls: edit('--add-ca FILE'),
  target_unauthorized: repairOf,
  credential_expired: repairOf,
  mint_refused: repairOf,
  rotation_mint: repairOf,
  rotation_unverified: repairOf,
  pipe_no_worker: startWorker,
  rotation_barrier: lookAtServer,
  rotation_replicas: lookAtServer,
  rotation_undone: ({ name, account }) =>
    account.mode === 'token-request' ? `telpher account rotate ${name}` : repairOf({ name, account }),
  sealed_record: () => 'telpher keys list',
}

/** The command that mends what an error says of a target; where that lies with its API server, the one that looks again. */
export const mendOf = (target: Mended, code: ErrorCode): string => {
  if (code === 'target_forbidden' && target.account.mode === 'token-request') return repairOf(target)
  return (commands[code] ?? (code.startsWith('redis_') ? lookAtServer : checkOf))(target)
}

/** A line of the ladder with the command that mends what it found. */
export const withCommand = (line: CheckLine, target: Mended): CheckLine => {
  if (line.status !== 'failed' && line.status !== 'warn') return line
  const { fix = '', code } = line
  const command = code === undefined ? checkOf(target) : mendOf(target, code)
  const said = fix.replaceAll('NAME', target.name)
  if (said.includes('telpher ')) return { ...line, fix: said }
  if (command === checkOf(target)) return { ...line, fix: `${said} Then: ${command}`.trimStart() }
  return { ...line, fix: `${said.replace(/\.$/, '')}: ${command}`.replace(/^: /, '') }
}
