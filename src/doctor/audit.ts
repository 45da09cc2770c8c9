import type { ChainReport } from '../model/auditchain.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Check of the record of who did what. */
export const judgeAudit = ({ ok: isWhole, records, unknownKeys, problems }: ChainReport): Finding => {
  const [first] = problems
  if (!isWhole)
    return fail('audit', `it was changed: ${first?.says ?? 'somewhere'}`, 'telpher audit verify   (and see who can write to Redis)')
  if (unknownKeys > 0)
    return warn(
      'audit',
      `${unknownKeys} signatures of ${records} records are of keys that the server does not have`,
      'Name their files in TELPHER_OLDER_KEY_FILES.',
    )
  return ok('audit', `${records} records, as they were written`)
}
