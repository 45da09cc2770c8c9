import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { TelpherError } from '../model/errors.ts'

/** etcd takes 1.5 MiB; an object with its managed fields and the event around it stays well below this. */
const longestLine = 16 * 1024 * 1024

/**
 * The lines of a watch, as they come.
 * @param idleMs silence after which the connection counts as cut, though nobody said so
 * @throws TelpherError target_timeout after the silence, target_error for a line without end
 */
export async function* linesOf(body: Readable, idleMs: number): AsyncGenerator<string, void, undefined> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let timer: NodeJS.Timeout | undefined
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => body.destroy(new TelpherError('target_timeout', 'a watch fell silent')), idleMs)
  }
  heard()
  try {
    for await (const chunk of body) {
      heard()
      const parts = (rest + decoder.write(chunk as Buffer)).split('\n')
      rest = parts.pop() ?? ''
      if (rest.length > longestLine) throw new TelpherError('target_error', 'a line of a watch has no end')
      for (const line of parts) if (line !== '') yield line
    }
  } finally {
    clearTimeout(timer)
  }
}
