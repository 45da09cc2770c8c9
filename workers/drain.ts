import type { Log } from '../src/log.ts'

/**
 * Two-stage signals: the first TERM or INT asks for a clean end, the second ends the process at once.
 * @param drain stops taking work and resolves when what runs has ended
 * @param abort ends what runs; what it leaves is found by the watchdog
 */
export const onSignals = (log: Log, drain: () => Promise<void>, abort: () => Promise<void>): void => {
  let asked = 0
  const receive = (signal: NodeJS.Signals): void => {
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
}
