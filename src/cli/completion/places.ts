import { type CommandSpec, groups, type OptionSpec } from '../spec.ts'

/** What may be offered for a value; a list where only its words are right, `any` where nothing can be known. */
export type Offer = 'any' | 'files' | 'targets' | 'deployments' | readonly string[]

export interface CompletedOption {
  /** All its spellings, such as `-t` and `--target`. */
  readonly names: readonly [string, ...string[]]
  readonly about: string
  /** Undefined for a switch, which takes no value. */
  readonly takes?: Offer
  /** Whether values may be joined by commas. */
  readonly joined: boolean
}

/** A word that leads on from a place. */
interface Word {
  readonly name: string
  readonly aliases: readonly string[]
  readonly about: string
}

/** Where a command line stands: at the program (`''`), in a group (`target`) or at a command (`target add`). */
export interface Place {
  readonly name: string
  readonly words: readonly Word[]
  readonly options: readonly CompletedOption[]
  /** What its one argument may be; undefined where it takes none. */
  readonly argument?: Offer
}

const takesOf = ({ flags, choices, values }: OptionSpec): Offer | undefined =>
  /[<[]/.test(flags) ? (choices ?? values ?? 'any') : undefined

/** An option as a shell sees it. */
export const completedOption = (spec: OptionSpec): CompletedOption => {
  const [first = '', ...rest] = spec.flags.match(/(?<![\w<-])--?[\w-]+/g) ?? []
  const takes = takesOf(spec)
  return { names: [first, ...rest], about: spec.about, joined: spec.many === 'names', ...(takes === undefined ? {} : { takes }) }
}

const wordOf = (spec: CommandSpec): Word => ({ name: spec.path.at(-1) ?? '', aliases: spec.aliases ?? [], about: spec.about })

const groupWord = (name: string): Word => {
  const { about = '', alias } = groups[name] ?? {}
  return { name, aliases: alias === undefined ? [] : [alias], about }
}

const commandPlace = (spec: CommandSpec): Place => ({
  name: spec.path.join(' '),
  words: [],
  options: (spec.options ?? []).map(completedOption),
  ...(spec.args === undefined ? {} : { argument: spec.values ?? 'any' }),
})

/**
 * Every place of a command line with what may follow there; the program itself comes first.
 * @param catalogue all commands; hidden ones are left out
 */
export const placesOf = (catalogue: readonly CommandSpec[]): readonly Place[] => {
  const shown = catalogue.filter((spec) => spec.hidden !== true)
  const names = [...new Set(shown.map(({ path }) => path[0]))]
  const inGroup = (name: string): readonly CommandSpec[] => shown.filter(({ path }) => path.length > 1 && path[0] === name)
  const single = (name: string): CommandSpec | undefined => shown.find(({ path }) => path.length === 1 && path[0] === name)
  const program: Place = {
    name: '',
    options: [],
    words: names.map((name) => {
      const spec = single(name)
      return spec === undefined ? groupWord(name) : wordOf(spec)
    }),
  }
  const groupPlaces = names
    .filter((name) => single(name) === undefined)
    .map((name): Place => ({ name, options: [], words: inGroup(name).map(wordOf) }))
  return [program, ...groupPlaces, ...shown.map(commandPlace)]
}
