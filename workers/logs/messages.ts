import type { PackedLines } from '../../src/store/types.ts'

/** What the worker tells the thread of its logs; each is about one log, by its number. */
export type ToThread = { readonly log: number } & (
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }
  | { readonly type: 'say'; readonly text: string; readonly at: number }
  /** Everything that must not be seen from here on, in place of what was said before. */
  | { readonly type: 'hide'; readonly secrets: readonly string[] }
  /** The program has ended: what has no newline yet is a line. */
  | { readonly type: 'ended' }
  | { readonly type: 'ask'; readonly id: number; readonly what: Question }
  | { readonly type: 'close' }
)

/** `flush`: that everything so far was given; `errors`: the last of standard error of a program that has ended. */
export type Question = 'flush' | 'errors'

/** What the thread says, in the order of what it was told. */
export type FromThread = { readonly log: number } /** So many bytes of output are done with. */ & (
  | { readonly type: 'taken'; readonly bytes: number }
  | { readonly type: 'blocks'; readonly blocks: readonly PackedLines[] }
  | { readonly type: 'answer'; readonly id: number; readonly errors: string }
  /** From here on no output is let through; lines of our own are. */
  | { readonly type: 'failed'; readonly message: string }
)
