# Completions of cowspace for fish: cowspace completions fish | source
function __cowspace_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  # The first line has what the shell finds by itself, the others a word and its description each.
  set -l lines ($words[1] complete -- $words[2..] "$current" 2>/dev/null)
  for kind in (string split -n ' ' -- $lines[1])
    switch $kind
      case directory
        __fish_complete_directories "$current"
      case file
        __fish_complete_path "$current"
      case command
        complete -C "$current"
    end
  end
  string join \n -- $lines[2..]
end
complete -c cowspace -f -a '(__cowspace_complete)'
