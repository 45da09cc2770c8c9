import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

/** `telpher cancel DEPLOYMENT [--force]`: asks it to end; helm gets time to record its release unless forced. */
export const runCancel: Command<{ force?: true }> = async (cli, [id = ''], { force = false }) => {
  const detail = await (await cli.client()).cancel(id, force)
  const isOver = detail.deployment.state === 'finished'
  await print(cli, detail, () => (isOver ? `${id} has ended already: ${detail.deployment.result ?? ''}\n` : `${id} is being cancelled\n`))
  if (!isOver) cli.say(`see how it ends: telpher status ${id} --wait`)
  return exitCodes.ok
}
