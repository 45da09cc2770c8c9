import { quoted } from '../text.ts'
import type { CompletedOption, Offer, Place } from './places.ts'

/** Every command takes it; the parser adds it by itself. */
export const helpOption: CompletedOption = { names: ['-h', '--help'], about: 'display help for command', joined: false }

/** What is offered, as assignments: `takes` is its kind, `choices` its words. */
export const offerAs = (offer: Offer, joined = false): string => {
  const takes = typeof offer === 'string' ? `takes=${offer}` : `takes=words choices=${quoted(offer.join(' '))}`
  return joined ? `${takes} joined=yes` : takes
}

const patterns = (place: string | undefined, names: readonly string[]): string =>
  names.map((name) => quoted(place === undefined ? name : `${place}/${name}`)).join('|')

const nextCases = (places: readonly Place[]): string[] =>
  places.flatMap(({ name, words }) =>
    words.map((word) => `    ${patterns(name, [word.name, ...word.aliases])}) next=${quoted(`${name} ${word.name}`.trim())} ;;`),
  )

const takesCase = (place: string | undefined, option: CompletedOption): string[] =>
  option.takes === undefined ? [] : [`    ${patterns(place, option.names)}) ${offerAs(option.takes, option.joined)} ;;`]

/**
 * Two functions that bash and zsh read alike (case and assignments of POSIX): where a word leads from a place, and what an option takes.
 * They set variables of whoever calls them: `next`, and `takes`, `choices`, `joined`.
 */
export const sharedTables = (places: readonly Place[], globals: readonly CompletedOption[]): string => `__telpher_next() {
  case "$1/$2" in
${nextCases(places).join('\n')}
    *) return 1 ;;
  esac
}

__telpher_takes() {
  takes='' choices='' joined=''
  case "$1/$2" in
${places.flatMap((place) => place.options.flatMap((option) => takesCase(place.name, option))).join('\n')}
    *) case "$2" in
${globals
  .flatMap((option) => takesCase(undefined, option))
  .map((line) => `  ${line}`)
  .join('\n')}
      *) return 0 ;;
    esac ;;
  esac
}
`

/** What both do with each word that is typed already: it may be the value of an option, an option, a command or an argument. */
export const readWord = `    if [[ -n $takes ]]; then
      takes=''
      continue
    fi
    case $word in
      -*=*) ;;
      -*) __telpher_takes "$place" "$word" ;;
      *) if __telpher_next "$place" "$word"; then place=$next; else arguments=$((arguments + 1)); fi ;;
    esac`
