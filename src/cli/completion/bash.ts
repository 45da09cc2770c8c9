import { quoted } from '../text.ts'
import type { CompletedOption, Place } from './places.ts'
import { helpOption, offerAs, readWord, sharedTables } from './tables.ts'

const offerCase = ({ name, words, options, argument }: Place): string =>
  [
    `    ${quoted(name)})`,
    `names=${quoted(words.map((word) => word.name).join(' '))}`,
    `aliases=${quoted(words.flatMap((word) => word.aliases).join(' '))}`,
    `options=${quoted(options.flatMap((option) => option.names.filter((one) => one.startsWith('--'))).join(' '))}`,
    `${argument === undefined ? '' : `${offerAs(argument)} `};;`,
  ].join(' ')

/**
 * The completion script for bash 3.2 and newer; it needs no other package.
 * @param globals options that every command has
 */
export const bashScript = (places: readonly Place[], globals: readonly CompletedOption[]): string => `# Completion of telpher for bash.
# Load it with:  source <(telpher completion bash)

${sharedTables(places, globals)}
__telpher_at() {
  names='' aliases='' options='' takes='' choices='' joined=''
  case "$1" in
${places.map(offerCase).join('\n')}
  esac
}

# Offers values: files are left to bash itself, which knows how to quote them.
__telpher_values() {
  local program=$1 current=$2 before=''
  if [[ -n $joined && $current == *,* ]]; then
    before=\${current%,*},
    current=\${current##*,}
  fi
  case $takes in
    files) compopt -o default 2>/dev/null; return ;;
    targets | deployments) choices=$("$program" __names "$takes" 2>/dev/null </dev/null) ;;
  esac
  COMPREPLY=($(compgen -P "$before" -W "$choices" -- "$current"))
}

_telpher() {
  local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} place='' arguments=0 current='' word at
  local next takes='' choices='' joined='' names aliases options
  local -a typed
  COMPREPLY=()
  compopt +o default 2>/dev/null
  # Not COMP_WORDS: it breaks words at = and :.
  read -r -a typed <<<"$line"
  [[ $line == *[[:space:]] ]] || { current=\${typed[\${#typed[@]} - 1]}; unset "typed[\${#typed[@]} - 1]"; }
  for ((at = 1; at < \${#typed[@]}; at++)); do
    word=\${typed[at]}
${readWord}
  done
  if [[ -n $takes ]]; then
    __telpher_values "$1" "$current"
    return
  fi
  case $current in
    --*=*)
      __telpher_takes "$place" "\${current%%=*}"
      __telpher_values "$1" "\${current#*=}"
      return
      ;;
    -*)
      __telpher_at "$place"
      COMPREPLY=($(compgen -W "$options ${[...globals, helpOption].flatMap(({ names }) => names.filter((one) => one.startsWith('--'))).join(' ')}" -- "$current"))
      return
      ;;
  esac
  ((arguments > 0)) && return
  __telpher_at "$place"
  if [[ -n $takes ]]; then
    __telpher_values "$1" "$current"
    return
  fi
  COMPREPLY=($(compgen -W "$names" -- "$current"))
  # An alias is offered to whoever has begun to write it, and is no noise for others.
  ((\${#COMPREPLY[@]} > 0)) || COMPREPLY=($(compgen -W "$aliases" -- "$current"))
}

complete -o default -F _telpher telpher
`
