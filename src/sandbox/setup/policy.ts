import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Debian's packages ask this program before they start a service; 101 forbids it (invoke-rc.d(8)). */
const usual = '/usr/sbin/policy-rc.d'
const ours = '#!/bin/sh\n# Put here by Telpher while it installs packages; removed afterwards.\nexit 101\n'

const restore = (policy: string, saved: string): void => {
  if (existsSync(policy) && readFileSync(policy, 'utf8') === ours) rmSync(policy)
  if (existsSync(saved)) renameSync(saved, policy)
}

/**
 * Runs an installation during which no package starts a service; what a killed one left is put right first.
 * @param policy path of the program that is asked; another one only for tests
 */
export const withoutServices = async <T>(work: () => Promise<T>, policy: string = usual): Promise<T> => {
  const saved = `${policy}.before-telpher`
  restore(policy, saved)
  if (existsSync(policy)) renameSync(policy, saved)
  writeFileSync(policy, ours, { mode: 0o755 })
  try {
    return await work()
  } finally {
    restore(policy, saved)
  }
}
