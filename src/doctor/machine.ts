import { type Finding, fail, ok, warn } from './finding.ts'

/** What is known of this machine and its environment without asking anybody. */
export interface MachineFacts {
  /** Such as `24.21.0`. */
  readonly node: string
  readonly platform: string
  readonly architecture: string
  /** Memory that this process may still take, in bytes. */
  readonly freeMemory: number
  /** What the containers of a worker take when all are full, in bytes. */
  readonly neededMemory: number
  /** What is wrong with a variable, by loadConfig. */
  readonly configTrouble?: string
  /** Names of TELPHER_ variables that nothing reads. */
  readonly strangeVariables: readonly string[]
  /** Names of the proxy variables that are set. */
  readonly proxies: readonly string[]
}

const leastNode = 24
const gibibyte = 1024 ** 3
const leastMemory = gibibyte / 2
const gib = (bytes: number): string => `${(bytes / gibibyte).toFixed(1)} GiB`

const judgeNode = ({ node }: MachineFacts): Finding =>
  Number.parseInt(node, 10) >= leastNode
    ? ok('node', `Node.js ${node}`)
    : fail('node', `Node.js ${node}, older than ${leastNode}`, `nvm install ${leastNode}   (or a package of https://nodejs.org)`)

const judgePlatform = ({ platform, architecture }: MachineFacts): Finding => {
  const seen = `${platform} ${architecture}`
  if (platform !== 'linux')
    return warn('platform', `${seen}: no worker runs here`, 'Run workers on Linux, or in a virtual machine with it.')
  return ['x64', 'arm64'].includes(architecture)
    ? ok('platform', seen)
    : warn('platform', `${seen}: not a processor that Telpher is tested on`, 'Run workers on amd64 or arm64.')
}

const judgeConfig = ({ configTrouble, strangeVariables }: MachineFacts): Finding => {
  const [first] = strangeVariables
  if (configTrouble !== undefined)
    return fail('config', configTrouble, 'Correct the variable; all are listed in docs/reference/configuration.md.')
  if (first === undefined) return ok('config', 'every TELPHER_ variable that is set can be read')
  return warn(
    'config',
    `nothing reads ${strangeVariables.join(', ')}`,
    `unset ${strangeVariables.join(' ')}   (all are listed in docs/reference/configuration.md)`,
  )
}

const judgeProxy = ({ proxies }: MachineFacts): Finding =>
  proxies.length === 0
    ? ok('proxy', 'none is set')
    : warn('proxy', `${proxies.join(', ')} is set, and not used`, 'Run workers where they reach their targets without a proxy.')

const judgeMemory = ({ freeMemory, neededMemory }: MachineFacts): Finding => {
  const seen = `${gib(freeMemory)} free, ${gib(neededMemory)} when every container of a worker is full`
  const fewer = 'TELPHER_CONCURRENCY=1 TELPHER_MEMORY_MB=256 telpher worker start'
  if (freeMemory < leastMemory) return fail('memory', seen, fewer)
  return freeMemory < neededMemory ? warn('memory', seen, fewer) : ok('memory', seen)
}

/** Checks of this machine and of the environment variables. */
export const judgeMachine = (facts: MachineFacts): Finding[] => [
  judgeNode(facts),
  judgePlatform(facts),
  judgeConfig(facts),
  judgeProxy(facts),
  judgeMemory(facts),
]
