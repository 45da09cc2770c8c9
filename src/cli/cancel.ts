import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

/** `telpher cancel DEPLOYMENT`: asks it to end; helm gets time to record its release. */
export const runCancel: Command<object> = async (cli, [id = '']) => {
  const detail = await (await cli.client()).cancel(id)
  const isOver = detail.deployment.state === 'finished'
  await print(cli, detail, () => (isOver ? `${id} has ended already: ${detail.deployment.result ?? ''}\n` : `${id} is being cancelled\n`))
  if (!isOver) cli.say(`see how it ends: telpher status ${id} --wait`)
  return exitCodes.ok
}
