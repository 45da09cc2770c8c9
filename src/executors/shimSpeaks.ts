import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { agreedVersion, type Spoken } from '../tether/index.ts'

const answerMs = 5000

const isSpoken = (said: unknown): said is Spoken =>
  typeof said === 'object' && said !== null && 'version' in said && typeof said.version === 'number'

/**
 * Asks the shim on this machine's disk which versions of the tether it speaks, so that a worker with one that it cannot talk to takes no work at all.
 * One that does not tell is heard in its first container.
 * @throws TelpherError tether_version that names the versions of both
 */
export const mustSpeakWith = async (shimPath: string): Promise<void> => {
  const answer = await promisify(execFile)(shimPath, ['-speaks'], { timeout: answerMs, env: {} }).catch(() => undefined)
  let said: unknown
  try {
    said = JSON.parse(answer?.stdout ?? '')
  } catch {
    return
  }
  if (isSpoken(said)) agreedVersion(said)
}
