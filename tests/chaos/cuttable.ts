import type { AddressInfo } from 'node:net'
import { createConnection, createServer, type Socket } from 'node:net'

/** A way to a port of this machine that can be cut. */
export interface Cuttable {
  readonly port: number
  /** Ends every connection, and refuses new ones until mended. */
  cut(): void
  /** @param to the port that it leads to from now on; the same as before when absent */
  mend(to?: number): void
  close(): Promise<void>
}

/** Passes connections on to a port of 127.0.0.1. */
export const cuttable = async (first: number): Promise<Cuttable> => {
  const open = new Set<Socket>()
  let isCut = false
  let to = first
  const server = createServer((socket) => {
    if (isCut) return void socket.destroy()
    const onward = createConnection({ port: to, host: '127.0.0.1' })
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      open.add(one)
      one.setNoDelay(true)
      one.on('error', () => {})
      one.once('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true
      for (const socket of open) socket.destroy()
    },
    mend: (next = to) => {
      to = next
      isCut = false
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
