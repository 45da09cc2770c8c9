import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Gives back the memory that loading the code took and no longer needs: about a fifth of an idle worker, which V8 would keep until it has
 * work (nodejs.org/api/v8.html, v8.setFlagsFromString). It stops the process for some hundredths of a second: not for later than the start.
 */
export const giveBackMemory = (): void => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: object) => void
  setFlagsFromString('--no-expose-gc')
  // Any other collection leaves the room that it made to the heap.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
