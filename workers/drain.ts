import type { Log } from '../src/log.ts'

/**
 * Two-stage signals: the first TERM or INT asks for a clean end, the second ends the process at once.
 * @param drain stops taking work and resolves when what runs has ended
 * @param abort ends what runs; what it leaves is found by the watchdog
 * @returns asks for a clean end as the first signal does, once, for the reason given
 */
export const onSignals = (log: Log, drain: () => Promise<void>, abort: () => Promise<void>): ((why: string) => void) => {
  let asked = 0
  const receive = (signal: string): void => {
    asked++
    log.info({ signal }, asked === 1 ? 'draining: running steps are finished, a second signal ends them' : 'ending at once')
    const work = asked === 1 ? drain() : abort()
    work.then(
      () => process.exit(asked === 1 ? 0 : 1),
      (err: unknown) => {
        log.error({ err }, 'could not end cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', receive)
  process.on('SIGINT', receive)
  return (why) => {
    if (asked === 0) receive(why)
  }
}
