import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { shimPath } from '../../src/sandbox/shim.ts'

export interface ShimProcess {
  readonly stream: Duplex
  readonly folder: string
  readonly pid: number
  readonly exited: Promise<number | null>
  kill(): void
  [Symbol.dispose](): void
}

/**
 * The real shim as a plain child process on pipes: no container around it, for tests of the tether itself.
 * @param silence the shim's silence limit, as a Go duration
 */
export const startShim = async (silence = '30s'): Promise<ShimProcess> => {
  const folder = mkdtempSync(join(tmpdir(), 'telpher-shim-'))
  const child = spawn(await shimPath(), ['-root', folder, '-silence', silence], { stdio: ['pipe', 'pipe', 'inherit'] })
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin })
  stream.on('error', () => {})
  child.stdin.on('error', () => {})
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return {
    stream,
    folder,
    pid: child.pid ?? 0,
    exited,
    kill: () => child.kill('SIGKILL'),
    [Symbol.dispose]() {
      child.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
