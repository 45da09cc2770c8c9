import type { CompletedOption, Offer, Place } from './places.ts'
import { helpOption } from './tables.ts'

/** Single quotes of fish: only a quote and a backslash are special in them. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const candidates = (offer: Offer, joined: boolean): string => {
  if (typeof offer !== 'string') return joined ? `(__telpher_joined ${offer.join(' ')})` : offer.join(' ')
  if (offer === 'any' || offer === 'files') return ''
  return joined ? `(__telpher_joined (__telpher_names ${offer}))` : `(__telpher_names ${offer})`
}

const spelling = (name: string): string => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)

const optionLine = (condition: string, { names, about, takes, joined }: CompletedOption): string => {
  const value = takes === undefined ? '' : takes === 'files' ? ' -r -F' : ' -x'
  const words = takes === undefined ? '' : candidates(takes, joined)
  return `complete -c telpher${condition} ${names.map(spelling).join(' ')}${value}${words === '' ? '' : ` -a ${quoted(words)}`} -d ${quoted(about)}`
}

const placeLines = ({ name, words, options, argument }: Place): string[] => {
  const here = ` -n ${quoted(`__telpher_at ${quoted(name)}`)}`
  const fresh = ` -n ${quoted(`__telpher_at ${quoted(name)} fresh`)}`
  const offered = argument === undefined ? '' : candidates(argument, false)
  return [
    ...words.map((word) => `complete -c telpher${fresh} -a ${quoted(word.name)} -d ${quoted(word.about)}`),
    ...(argument === 'files' ? [`complete -c telpher${fresh} -F`] : []),
    ...(offered === '' ? [] : [`complete -c telpher${fresh} -a ${quoted(offered)}`]),
    ...options.map((option) => optionLine(here, option)),
  ]
}

const nextCases = (places: readonly Place[]): string[] =>
  places.flatMap(({ name, words }) =>
    words.flatMap((word) => [
      `                case ${[word.name, ...word.aliases].map((one) => quoted(`${name}/${one}`)).join(' ')}`,
      `                    set place ${quoted(`${name} ${word.name}`.trim())}`,
    ]),
  )

const valued = (places: readonly Place[], globals: readonly CompletedOption[]): string[] => [
  ...globals.filter(({ takes }) => takes !== undefined).flatMap(({ names }) => names.map((name) => `*/${name}`)),
  ...places.flatMap((place) =>
    place.options.filter(({ takes }) => takes !== undefined).flatMap(({ names }) => names.map((name) => `${place.name}/${name}`)),
  ),
]

/**
 * The completion script for fish 3 and newer.
 * @param globals options that every command has
 */
export const fishScript = (places: readonly Place[], globals: readonly CompletedOption[]): string => `# Completion of telpher for fish.
# Load it with:  telpher completion fish | source

# The place that the command line has come to, and how many arguments it has there.
function __telpher_place
    set -l words (commandline -opc)
    set -e words[1]
    set -l place ''
    set -l arguments 0
    set -l takes no
    for word in $words
        if test $takes = yes
            set takes no
        else if string match -q -- '-*=*' $word
            continue
        else if string match -q -- '-*' $word
            switch $place/$word
                case ${valued(places, globals).map(quoted).join(' ')}
                    set takes yes
            end
        else
            switch $place/$word
${nextCases(places).join('\n')}
                case '*'
                    set arguments (math $arguments + 1)
            end
        end
    end
    echo $place
    echo $arguments
end

# Whether it has come to a place; with a second word, whether it has no argument there yet.
function __telpher_at
    set -l here (__telpher_place)
    test "$here[1]" = "$argv[1]"; or return 1
    test (count $argv) -eq 1; or test "$here[2]" -eq 0
end

function __telpher_names
    set -l words (commandline -opc)
    type -q $words[1]; or return
    $words[1] __names $argv[1] 2>/dev/null </dev/null
end

# Values that may be joined by commas: what stands before the last comma is kept.
function __telpher_joined
    set -l before (commandline -ct | string replace -r '^--[^=]*=' '' | string match -r '.*,')
    printf "$before%s\\n" $argv
end

complete -c telpher -f
${[...globals, helpOption].map((option) => optionLine('', option)).join('\n')}
${places.flatMap(placeLines).join('\n')}
`
