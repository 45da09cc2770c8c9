import type { Command } from 'commander'
import { clientOf, flagsOf } from './context.ts'
import { print } from './output.ts'

/** `telpher cancel DEPLOYMENT`: asks it to end; helm gets time to record its release. @returns the exit code */
export const runCancel = async (id: string, command: Command): Promise<number> => {
  const detail = await clientOf(command).cancel(id)
  print(flagsOf(command).output, detail, () => `${id} is being cancelled; see: telpher status ${id}\n`)
  return 0
}
