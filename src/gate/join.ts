import type { Duplex } from 'node:stream'

/** One direction, to its end: rejects when either side breaks before everything has been handed over. */
const carry = (from: Duplex, to: Duplex): Promise<void> =>
  new Promise((resolve, reject) => {
    to.once('finish', resolve)
    const cut = (): void => {
      if (!to.writableFinished && !from.readableEnded) reject(new Error('cut'))
    }
    from.once('close', cut).once('error', reject)
    to.once('error', reject).once('close', () => (to.writableFinished ? resolve() : reject(new Error('cut'))))
    from.pipe(to)
  })

/**
 * Two streams as one, with half-close and back-pressure. When the server has said everything, what is still on its way to
 * the client arrives before both are closed; a break, or the signal, ends both at once.
 */
export const join = async (client: Duplex, server: Duplex, signal: AbortSignal): Promise<void> => {
  const cut = (): void => {
    client.destroy()
    server.destroy()
  }
  if (signal.aborted) cut()
  signal.addEventListener('abort', cut, { once: true })
  const outwards = carry(client, server)
  outwards.catch(() => server.destroy())
  try {
    await carry(server, client)
  } catch {
    // Said by the broken stream itself to whoever reads it.
  } finally {
    signal.removeEventListener('abort', cut)
    cut()
    await outwards.catch(() => {})
  }
}
