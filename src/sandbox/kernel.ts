import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { bootId } from './procfs.ts'

/**
 * What a kubelet sets on its host when it starts (pkg/kubelet/cm: setupKernelTunables). A workstation ought not to keep it: with the sandbox's
 * values the kernel promises more memory than there is, and reboots by itself after a panic.
 */
const tunables = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
]

const savedSchema = z.object({ boot: z.string(), values: z.record(z.string(), z.string()) })

/**
 * Keeps the kernel's settings as they are before the first kubelet.
 * @param file one for the machine, so that a second kubelet does not keep the settings of the first
 */
export const saveTunables = (file: string): void => {
  if (existsSync(file)) return
  const values = Object.fromEntries(
    tunables.filter((name) => existsSync(`/proc/sys/${name}`)).map((name) => [name, readFileSync(`/proc/sys/${name}`, 'utf8').trim()]),
  )
  writeFileSync(file, JSON.stringify({ boot: bootId(), values }))
}

/** Puts the kernel's settings back, when no kubelet runs any more. */
export const restoreTunables = (file: string): void => {
  try {
    const { boot, values } = savedSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    // After a reboot they are as the machine wants them already.
    if (boot === bootId()) for (const [name, value] of Object.entries(values)) writeFileSync(`/proc/sys/${name}`, value)
  } catch {
    // No kubelet ran, or this user may not write them and so never changed them.
  }
  rmSync(file, { force: true })
}
