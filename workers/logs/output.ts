import { StringDecoder } from 'node:string_decoder'
import { createMasker, type MaskRules } from '../../src/credentials/mask.ts'
import { hideTokens } from '../../src/credentials/tokens.ts'
import type { LogStream } from '../../src/model/deployment.ts'

/** A line longer than this is cut into several, so that no line can hold memory for ever (1 GB without a newline). */
const longestLine = 64 * 1024
const keptErrors = 16 * 1024

export interface Output {
  /** Takes raw bytes of one stream, in order. */
  push(stream: 'stdout' | 'stderr', chunk: Uint8Array): void
  /** Hides something else from here on: there are more secrets. */
  hide(rules: MaskRules): void
  /** Nothing has come for a while: gives out what is held back and tells nothing. */
  idle(): void
  /** Gives out what has no newline yet. */
  end(): void
  /** The last 16 KiB of standard error, masked. */
  lastErrors(): string
}

const createLines = (give: (text: string) => void): { push(text: string): void; end(): void } => {
  let rest = ''
  return {
    push(text) {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) give(line.endsWith('\r') ? line.slice(0, -1) : line)
      while (rest.length >= longestLine) {
        give(rest.slice(0, longestLine))
        rest = rest.slice(longestLine)
      }
    },
    end() {
      if (rest !== '') give(rest)
      rest = ''
    },
  }
}

/**
 * Turns the bytes of a program's output into masked lines.
 * @param rules what is hidden at first
 * @param give receives whole lines in the order in which their ends arrived
 */
export const createOutput = (rules: MaskRules, give: (stream: LogStream, text: string) => void): Output => {
  let errors = ''
  const open = (stream: 'stdout' | 'stderr') => ({
    masker: createMasker(rules),
    decoder: new StringDecoder('utf8'),
    lines: createLines((line) => {
      const text = hideTokens(line)
      if (stream === 'stderr') errors = `${errors}${text}\n`.slice(-keptErrors)
      give(stream, text)
    }),
  })
  const streams = { stdout: open('stdout'), stderr: open('stderr') }
  return {
    push(stream, chunk) {
      const { masker, decoder, lines } = streams[stream]
      lines.push(decoder.write(Buffer.from(masker.push(chunk))))
    },
    hide(next) {
      for (const { masker } of Object.values(streams)) masker.use(next)
    },
    idle() {
      for (const { masker, decoder, lines } of Object.values(streams)) lines.push(decoder.write(Buffer.from(masker.idle())))
    },
    end() {
      for (const { masker, decoder, lines } of Object.values(streams)) {
        lines.push(decoder.write(Buffer.from(masker.flush())) + decoder.end())
        lines.end()
      }
    },
    lastErrors: () => errors,
  }
}
