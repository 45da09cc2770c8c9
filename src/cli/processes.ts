import { forbidCoreFiles, mustBeSafe } from '../runtime.ts'
import type { Command } from './context.ts'

/** `telpher server start`: lives until its signals. */
export const runServer: Command<object> = async () => {
  mustBeSafe(process)
  forbidCoreFiles()
  await (await import('../server/main.ts')).main(process.env)
  return undefined
}

/** `telpher worker start`: lives until its signals. */
export const runWorker: Command<{ readonly executor?: string }> = async (_cli, _args, { executor }) => {
  mustBeSafe(process)
  forbidCoreFiles()
  // biome-ignore lint/style/noRestrictedImports: one binary starts every process; nothing of the worker is used here
  await (await import('../../workers/main.ts')).main(executor === undefined ? process.env : { ...process.env, TELPHER_EXECUTOR: executor })
  return undefined
}
