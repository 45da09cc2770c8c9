import { setTimeout as sleep } from 'node:timers/promises'
import type { ChainMark, ChainSigner } from '../model/auditchain.ts'
import { logOnce } from '../model/log-once.ts'
import type { Audit } from '../store/index.ts'

/** ms between two looks for what waits, and between two lines that say where the record ends. */
const lookMs = 500
const anchorMs = 60_000

/** What a server saw of the record: a chain that somebody cut off and signed-off cannot have it. */
export interface Seen {
  latest(): readonly Pick<ChainMark, 'n' | 'hash'>[]
  note(mark: ChainMark): void
}

export const createSeen = (): Seen => {
  let seen: ChainMark | undefined
  return {
    latest: () => (seen === undefined ? [] : [seen]),
    note: (mark) => {
      if (mark.n > (seen?.n ?? 0)) seen = mark
    },
  }
}

/**
 * Starts the loop that gives entries of the record of who did what their places. Several servers may run it: one at a time does.
 * Its end is said in the log once a minute: where logs are kept elsewhere, nobody can take it back.
 * @returns what settles when it has ended after the signal
 */
export const startSealing = (options: {
  readonly audit: Pick<Audit, 'seal' | 'leave' | 'head'>
  readonly signer: ChainSigner
  readonly server: string
  readonly saw: Seen
  readonly log: (line: object) => void
  readonly signal: AbortSignal
}): { readonly stopped: Promise<void> } => {
  const { audit, signer, server, saw, log, signal } = options
  const said = logOnce(log, 'the record of who did what does not grow')
  let saidAt = Number.NEGATIVE_INFINITY
  const look = async (): Promise<void> => {
    const sealed = await audit.seal(server, signer)
    if (sealed === undefined || sealed === 0) return
    const head = await audit.head()
    if (head === undefined) return
    saw.note(head)
    const now = performance.now()
    if (now - saidAt < anchorMs) return
    saidAt = now
    log({ level: 'info', msg: 'the record of who did what ends here', record: head.n, hash: head.hash })
  }
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      await look().then(said.well, said.failed)
      await sleep(lookMs, undefined, { signal }).catch(() => {})
    }
    await audit.leave(server).catch(() => {})
  }
  return { stopped: loop() }
}
