import { TelpherError } from '../model/errors.ts'
import { boundsOf, type GraceName, type Graces, graceNames, readGrace } from '../model/graces.ts'

const isGrace = (name: string): name is GraceName => (graceNames as readonly string[]).includes(name)

const wrong = (text: string, problem: string): TelpherError =>
  new TelpherError('usage', `--grace ${text}: ${problem}`, { field: '--grace' })

/**
 * What `--grace NAME=VALUE` says, given several times.
 * @throws TelpherError usage that names the flag
 */
export const gracesOf = (texts: readonly string[]): Graces =>
  Object.fromEntries(
    texts.map((text) => {
      const [name = '', value = ''] = text.split('=', 2)
      if (!isGrace(name)) throw wrong(text, `write NAME=VALUE with one of ${graceNames.join(', ')}`)
      const read = readGrace(name, value)
      if (read === undefined) throw wrong(text, `give ${boundsOf(name)}`)
      return [name, read]
    }),
  )
