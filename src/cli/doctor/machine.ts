import { type Config, loadConfig, variableNames } from '../../config.ts'
import type { MachineFacts } from '../../doctor/machine.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Read by the command line, by the sandbox and by tests; all others are the configuration's. */
const otherVariables = ['TELPHER_SERVER', 'TELPHER_TOKEN_FILE', 'TELPHER_SANDBOX']
const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy']

const isSet = (env: Env, name: string): boolean => (env[name] ?? '') !== ''

/** The configuration that these variables make; the defaults where one of them is bad, so that the other checks still run. */
export const readConfig = (env: Env): { readonly config: Config; readonly trouble?: string } => {
  try {
    return { config: loadConfig(env) }
  } catch (thrown) {
    return { config: loadConfig({}), trouble: thrown instanceof Error ? thrown.message : String(thrown) }
  }
}

/** What is known of this machine without asking anybody. */
export const machineFacts = (env: Env): MachineFacts => {
  const { config, trouble } = readConfig(env)
  const known = new Set([...variableNames, ...otherVariables])
  return {
    node: process.versions.node,
    platform: process.platform,
    architecture: process.arch,
    freeMemory: process.availableMemory(),
    neededMemory: config.concurrency * config.memoryMb * 2 ** 20,
    ...(trouble === undefined ? {} : { configTrouble: trouble }),
    strangeVariables: Object.keys(env)
      .filter((name) => name.startsWith('TELPHER_') && !known.has(name))
      .sort(),
    proxies: proxyVariables.filter((name) => isSet(env, name)),
  }
}
