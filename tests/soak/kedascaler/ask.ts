import { copyFile } from 'node:fs/promises'
import { execa } from 'execa'
import { run } from '../../../src/sandbox/run.ts'
import { goProgram } from '../../support/goprogram.ts'

/** A trigger of a ScaledObject, and what its TriggerAuthentication comes to. */
export interface KedaTrigger {
  readonly metadata: Readonly<Record<string, string>>
  readonly authParams: Readonly<Record<string, string>>
}

/** What KEDA makes of it: the autoscaler asks for value / target, and from and to zero by `active`. */
export interface KedaAnswer {
  readonly value: number
  readonly target: number
  readonly active: boolean
  readonly error?: string
}

const keda = 'github.com/kedacore/keda/v2'
/** KEDA's own files, as they are: its package as a whole brings the libraries of every cloud, which take many minutes to compile. */
const files = ['metrics_api_scaler.go', 'scaler.go'] as const

const program = (): Promise<string> =>
  goProgram(import.meta.dirname, async (folder, go, env) => {
    const { Dir } = JSON.parse(await run(go, ['mod', 'download', '-json', keda], { cwd: folder, env })) as { readonly Dir: string }
    for (const file of files) await copyFile(`${Dir}/pkg/scalers/${file}`, `${folder}/scalers/${file}`)
  })

/** Has KEDA's metrics-api scaler ask a server, as KEDA's operator does at each poll. */
export const askKeda = async (trigger: KedaTrigger): Promise<KedaAnswer> => {
  const { stdout } = await execa(await program(), [], { input: JSON.stringify(trigger) })
  return JSON.parse(stdout) as KedaAnswer
}
