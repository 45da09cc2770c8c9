import type { Evidence } from './conditions.ts'

type Fields = Readonly<Record<string, unknown>>

const names =
  /^(?:is)?(ready|readytouse|healthy|available|initialized|provisioned|created|synced|success|succeeded|applied|established|bound|completed?|failed)$/i

const isYes = (value: unknown): boolean | undefined => {
  if (typeof value === 'boolean') return value
  return value === 'True' || value === 'true' ? true : value === 'False' || value === 'false' ? false : undefined
}

/** Fields of a status that say yes or no: `ready`, `healthy`, `readyToUse`, `failed`. */
export const byFlags = (status: Fields): readonly Evidence[] => {
  const found: Evidence[] = []
  for (const name in status) {
    const flag = names.exec(name)?.[1]?.toLowerCase()
    const value = flag === undefined ? undefined : isYes(status[name])
    if (flag === undefined || value === undefined) continue
    const message = `its status.${name} is ${value}`
    if (flag === 'failed') {
      if (value) found.push({ status: 'Failed', message, rule: 'flag' })
    } else if (value) found.push({ status: 'Current', message, rule: 'flag' })
    else found.push({ status: /^(?:healthy|succe)/.test(flag) ? 'Failed' : 'InProgress', message, rule: 'flag' })
  }
  return found
}
