import { maskRules } from '../../src/credentials/mask.ts'
import { Secret } from '../../src/model/secret.ts'
import { createLogBatches } from '../../src/store/logbatches.ts'
import { packLines } from '../../src/store/logpack.ts'
import type { PackedLines } from '../../src/store/types.ts'
import type { FromThread, ToThread } from './messages.ts'
import { createOutput } from './output.ts'

type Give = (message: FromThread, transfer?: readonly ArrayBuffer[]) => void

/** After so many ms without output what tells nothing is not held back any longer. */
const quietMs = 250

export interface Pipeline {
  take(message: ToThread): void
}

/** Bytes with a buffer of their own, which can go to another thread without being copied once more. */
const owned = (blocks: readonly PackedLines[]): PackedLines[] => blocks.map((block) => ({ ...block, data: new Uint8Array(block.data) }))

/**
 * From the bytes of a program's output to blocks for the store: masked, cut into lines, gathered, packed.
 * Output whose secrets cannot be hidden is let through no more: the log has lines of our own only, and other logs go on.
 */
export const createPipeline = (log: number, give: Give): Pipeline => {
  let isFailed = false
  const batches = createLogBatches((lines) => {
    const blocks = owned(packLines(lines))
    give(
      { log, type: 'blocks', blocks },
      blocks.map(({ data }) => data.buffer as ArrayBuffer),
    )
  })
  const output = createOutput(maskRules([]), (stream, text) => batches.write(stream, text))
  let quiet: NodeJS.Timeout | undefined

  const orFail = (work: () => void): void => {
    if (isFailed) return
    try {
      work()
    } catch (error) {
      isFailed = true
      give({ log, type: 'failed', message: error instanceof Error ? error.message : String(error) })
    }
  }
  return {
    take(message) {
      switch (message.type) {
        case 'output':
          clearTimeout(quiet)
          orFail(() => output.push(message.stream, message.bytes))
          quiet = setTimeout(() => orFail(output.idle), quietMs).unref()
          give({ log, type: 'taken', bytes: message.bytes.length })
          break
        case 'say':
          batches.write('system', message.text, message.at)
          break
        case 'hide':
          orFail(() => output.hide(maskRules(message.secrets.map((text) => new Secret(text)))))
          break
        case 'ended':
          clearTimeout(quiet)
          orFail(output.end)
          break
        case 'ask':
          if (message.what === 'flush') batches.flush()
          // Whoever asks has seen the program's end: nothing that is held back can become a secret any more.
          else orFail(output.end)
          give({ log, type: 'answer', id: message.id, errors: output.lastErrors() })
          break
        case 'close':
          clearTimeout(quiet)
          break
      }
    },
  }
}
