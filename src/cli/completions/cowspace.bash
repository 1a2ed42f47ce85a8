# Completions of cowspace for bash: source <(cowspace completions bash)
_cowspace() {
  local kinds kind word current=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  # The first line has what the shell finds by itself, the others a word and its description each.
  {
    read -r kinds
    while IFS=$'\t' read -r word _; do COMPREPLY+=("$word"); done
  } < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # The bash of macOS has no compopt.
  [[ -z $kinds ]] || compopt -o filenames 2>/dev/null
  for kind in $kinds; do
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -A "$kind" -- "$current")
  done
}
complete -F _cowspace cowspace
