import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { goProgram } from '../../support/goprogram.ts'

/** What kube-apiserver makes of a request; the names are those of main.go. */
export interface OracleAnswer {
  readonly e?: string
  readonly i?: boolean
  readonly v?: string
  readonly p?: string
  readonly g?: string
  readonly ver?: string
  readonly ns?: string
  readonly r?: string
  readonly s?: string
  readonly n?: string
}

/** The program in main.go, built once and kept in the cache. It answers many requests at a time, in order. */
export const startOracle = async (): Promise<{
  ask(asked: readonly { readonly m: string; readonly u: string }[]): Promise<OracleAnswer[]>
  stop(): void
}> => {
  const child = spawn(await goProgram(import.meta.dirname), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(asked) {
      child.stdin.write(asked.map((one) => `${JSON.stringify(one)}\n`).join(''))
      const answers: OracleAnswer[] = []
      while (answers.length < asked.length) {
        const line = await lines.next()
        if (line.done === true) throw new Error('the oracle ended')
        answers.push(JSON.parse(line.value) as OracleAnswer)
      }
      return answers
    },
    stop: () => child.kill(),
  }
}
