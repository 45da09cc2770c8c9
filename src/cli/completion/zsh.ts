import { quoted } from '../text.ts'
import type { CompletedOption, Place } from './places.ts'
import { helpOption, offerAs, readWord, sharedTables } from './tables.ts'

/** `name:about` as _describe reads it: a colon in a name would end it. */
const described = (name: string, about: string): string => quoted(`${name.replaceAll(':', '\\:')}:${about}`)

const offerCase = ({ name, words, options, argument }: Place): string =>
  [
    `    ${quoted(name)})`,
    `      names=(${words.map((word) => described(word.name, word.about)).join(' ')})`,
    `      aliases=(${words.flatMap((word) => word.aliases.map((alias) => described(alias, word.about))).join(' ')})`,
    `      options=(${options.flatMap((option) => option.names.map((one) => described(one, option.about))).join(' ')})`,
    `      ${argument === undefined ? '' : `${offerAs(argument)} `};;`,
  ].join('\n')

const every = (globals: readonly CompletedOption[]): string =>
  [...globals, helpOption].flatMap((option) => option.names.map((one) => described(one, option.about))).join(' ')

/**
 * The completion script for zsh, to be sourced or put into a folder of `fpath` as `_telpher`.
 * @param globals options that every command has
 */
export const zshScript = (places: readonly Place[], globals: readonly CompletedOption[]): string => `#compdef telpher
# Completion of telpher for zsh.
# Load it with:  source <(telpher completion zsh)

${sharedTables(places, globals)}
__telpher_at() {
  names=() aliases=() options=() takes='' choices='' joined=''
  case "$1" in
${places.map(offerCase).join('\n')}
  esac
}

__telpher_values() {
  [[ -n $joined ]] && compset -P '*,'
  case $takes in
    files) _files ;;
    targets | deployments) compadd -- \${(f)"$($words[1] __names $takes 2>/dev/null </dev/null)"} ;;
    words) compadd -- \${=choices} ;;
    *) _message value ;;
  esac
}

_telpher() {
  local place='' word next takes='' choices='' joined=''
  local -a names aliases options
  integer at arguments=0
  for ((at = 2; at < CURRENT; at++)); do
    word=$words[at]
${readWord}
  done
  if [[ -n $takes ]]; then
    __telpher_values
    return
  fi
  case $words[CURRENT] in
    --*=*)
      __telpher_takes "$place" "\${words[CURRENT]%%=*}"
      compset -P '--*='
      __telpher_values
      return
      ;;
    -*)
      __telpher_at "$place"
      options+=(${every(globals)})
      _describe -o option options
      return
      ;;
  esac
  ((arguments > 0)) && return 1
  __telpher_at "$place"
  if [[ -n $takes ]]; then
    __telpher_values
    return
  fi
  # An alias is offered to whoever has begun to write it, and is no noise for others.
  _describe command names || _describe command aliases
}

if [[ $funcstack[1] == _telpher ]]; then
  _telpher "$@"
else
  compdef _telpher telpher
fi
`
