import { type PhaseDeadlines, phaseBounds, phases, readPhaseDeadline } from '../model/deadlines.ts'
import { TelpherError } from '../model/errors.ts'
import { boundsOf, type Graces, graceNames, readGrace } from '../model/graces.ts'

/** A flag that is given several times, each time NAME=VALUE with one of a few names. */
const named = <Name extends string>(
  flag: string,
  texts: readonly string[],
  names: readonly Name[],
  read: (name: Name, value: string) => number | undefined,
  bounds: (name: Name) => string,
): Partial<Record<Name, number>> => {
  const wrong = (text: string, problem: string): TelpherError => new TelpherError('usage', `${flag} ${text}: ${problem}`, { field: flag })
  const isName = (name: string): name is Name => (names as readonly string[]).includes(name)
  return Object.fromEntries(
    texts.map((text) => {
      const [name = '', value = ''] = text.split('=', 2)
      if (!isName(name)) throw wrong(text, `write NAME=VALUE with one of ${names.join(', ')}`)
      const given = read(name, value)
      if (given === undefined) throw wrong(text, `give ${bounds(name)}`)
      return [name, given]
    }),
  ) as Partial<Record<Name, number>>
}

/**
 * What `--grace NAME=VALUE` says, given several times.
 * @throws TelpherError usage that names the flag
 */
export const gracesOf = (texts: readonly string[]): Graces => named('--grace', texts, graceNames, readGrace, boundsOf)

/**
 * What `--phase-deadline PHASE=DURATION` says, given several times.
 * @returns seconds
 * @throws TelpherError usage that names the flag
 */
export const phaseDeadlinesOf = (texts: readonly string[]): PhaseDeadlines =>
  named('--phase-deadline', texts, phases, readPhaseDeadline, phaseBounds)
