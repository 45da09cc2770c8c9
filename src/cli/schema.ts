import { editorSchema } from '../process/schema.ts'
import type { Command } from './context.ts'
import { exitCodes } from './exit.ts'
import { print } from './output.ts'

/** `telpher schema`: the form of telpher.yaml for editors. */
export const runSchema: Command<object> = async (cli) => {
  const schema = editorSchema()
  await print(cli, schema, () => `${JSON.stringify(schema, undefined, 2)}\n`)
  return exitCodes.ok
}
