import { TelpherError } from '../../model/errors.ts'
import type { Command } from '../context.ts'
import { exitCodes } from '../exit.ts'
import { print } from '../output.ts'

interface VerifyFlags {
  readonly expect?: string
}

/** `telpher audit verify`: whether the record of who did what is as it was written. */
export const runAuditVerify: Command<VerifyFlags> = async (cli, _, { expect }) => {
  if (expect !== undefined && !/^[1-9]\d{0,14}:[\w-]{43}$/.test(expect))
    throw new TelpherError('usage', `--expect ${expect}: give NUMBER:HASH, as audit verify or audit list -o json said it before`, {
      field: '--expect',
    })
  const report = await (await cli.client()).verifyAudit(expect)
  const { ok, records, first, last, signatures, unknownKeys, problems, head } = report
  await print(cli, report, () => {
    const range = first === undefined ? 'No records.' : `${records} records, ${first} to ${last}, ${signatures} signatures.`
    const end = head === undefined ? '' : ` The end is ${head.n}:${head.hash}`
    return `${ok ? cli.paint.green('whole') : cli.paint.red('changed')}  ${range}${end}\n${problems.map(({ says }) => `  ${says}\n`).join('')}`
  })
  if (unknownKeys > 0)
    cli.say(`${unknownKeys} signatures are of keys that the server no longer has: name their files in TELPHER_OLDER_KEY_FILES.`)
  return ok ? exitCodes.ok : exitCodes.failed
}
