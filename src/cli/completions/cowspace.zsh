#compdef cowspace
# Completions of cowspace for zsh: source <(cowspace completions zsh), after compinit
_cowspace() {
  local line kind
  local -a lines described
  # The first line has what the shell finds by itself, the others a word and its description each.
  lines=("${(@f)$($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "${(@)lines[2,-1]}"; do
    described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  (( $#described )) && _describe cowspace described
  for kind in ${=lines[1]}; do
    case $kind in
      directory) _files -/ ;;
      file) _files ;;
      command) _command_names -e ;;
    esac
  done
}
# As a file named _cowspace on the fpath, this is the body of that function.
if [[ $funcstack[1] == _cowspace ]]; then _cowspace "$@"; else compdef _cowspace cowspace; fi
