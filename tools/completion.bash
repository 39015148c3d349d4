# Completion of `python -m mmkd` in bash, under the short name `mmkd`:
#
#   source tools/completion.bash
#   mmkd meth<TAB>
#   mmkd method er<TAB>

mmkd() { python -m mmkd "$@"; }

_mmkd_complete() {
    local IFS=$'\n' line
    COMPREPLY=()
    while read -r line; do
        case $line in
            plain,*) COMPREPLY+=("${line#*,}") ;;
            file,* | dir,*) compopt -o default ;;
        esac
    done < <(COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _MMKD_COMPLETE=bash_complete \
        python -m mmkd 2>/dev/null)
}

complete -o nosort -F _mmkd_complete mmkd
