import type { OnProgress } from './progress.ts'

/** Where progress is shown; process.stderr is one. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const seconds = (ms: number): string =>
  ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${(ms / 60_000).toFixed(1)} min`

const about = (estimateMs: number | undefined): string => (estimateMs === undefined ? '' : ` (about ${seconds(estimateMs)})`)

/** Append-only lines with the time of day, for logs and CI. */
const plain = (screen: Screen): OnProgress => {
  return ({ stage, state, ms = 0, estimateMs, detail }) => {
    const clock = new Date().toISOString().slice(11, 19)
    if (state === 'start') screen.write(`${clock} ${stage}${about(estimateMs)}\n`)
    if (state === 'done') screen.write(`${clock} ${stage}: done in ${seconds(ms)}\n`)
    if (state === 'fail') screen.write(`${clock} ${stage}: failed after ${seconds(ms)}: ${detail ?? ''}\n`)
  }
}

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** One line that is redrawn five times a second; finished stages scroll up. */
const redrawn = (screen: Screen): OnProgress => {
  let timer: NodeJS.Timeout | undefined
  const end = (line: string): void => {
    clearInterval(timer)
    screen.write(`\r\x1b[2K${line}\n`)
  }
  return ({ stage, state, ms = 0, estimateMs, detail }) => {
    if (state === 'done') end(`✓ ${stage}  ${seconds(ms)}`)
    else if (state === 'fail') end(`✗ ${stage}  ${detail ?? ''}`)
    else {
      clearInterval(timer)
      const started = performance.now()
      let frame = 0
      const draw = (): void => {
        const line = `${frames[frame++ % frames.length]} ${stage}  ${seconds(performance.now() - started)}${about(estimateMs)}`
        screen.write(`\r\x1b[2K${line.slice(0, (screen.columns || 80) - 1)}`)
      }
      draw()
      timer = setInterval(draw, 200)
      timer.unref()
    }
  }
}

/** Shows stages: redrawn on a terminal, plain lines otherwise (also with CI or TERM=dumb). */
export const progressView = (screen: Screen, env: Readonly<Record<string, string | undefined>> = process.env): OnProgress =>
  screen.isTTY === true && env['TERM'] !== 'dumb' && !env['CI'] ? redrawn(screen) : plain(screen)
