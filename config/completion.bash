# bash completion for tidelogd, tidelog and tidelog-bench

_tidelogd() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
  case $previous in
    -c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    -d | --data-dir) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    -l | --listen) return ;;
    -s | --set)
      # The keys are those that the program itself prints, so that they are never out of date.
      mapfile -t COMPREPLY < <(compgen -S = -W \
        "$("${COMP_WORDS[0]}" --print-config 2>/dev/null | sed -n 's/^\(# \)\{0,1\}"\([a-z.]*\)" =.*/\2/p')" -- "$current")
      compopt -o nospace
      return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "--config --data-dir --listen --set --check-config --print-config --version --help" \
    -- "$current")
}

# The commands and options of the other two are read from their help, level by level.
_tidelog_from_help() {
  local current=${COMP_WORDS[COMP_CWORD]} word
  local command=("${COMP_WORDS[0]}")
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word =~ ^[a-z][a-z-]*$ ]] && "${command[@]}" "$word" --help >/dev/null 2>&1 && command+=("$word")
  done
  mapfile -t COMPREPLY < <(compgen -W "$("${command[@]}" --help 2>/dev/null |
    sed -n 's/^  \(-[a-zA-Z],\)\{0,1\}\(--[a-z-]*\).*/\2/p; s/^  \([a-z][a-z-]*\)  .*/\1/p')" -- "$current")
}

complete -F _tidelogd tidelogd
complete -F _tidelog_from_help tidelog tidelog-bench
