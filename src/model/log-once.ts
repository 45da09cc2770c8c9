/**
 * Says a trouble that goes on once, and again when it is another one or has come back.
 * @param msg what the work is, for the line
 */
export const logOnce = (log: (line: object) => void, msg: string): { failed(error: unknown): void; well(): void } => {
  let last = ''
  return {
    failed: (error) => {
      const text = error instanceof Error ? error.message : String(error)
      if (text !== last) log({ level: 'warn', msg, error: text })
      last = text
    },
    well: () => {
      last = ''
    },
  }
}
