# Completion for mural; what its commands and their options are, its own --help says.
_mural_commands() {
	"$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

_mural() {
	local cur prev words cword split
	_init_completion -s || return
	local command=${words[1]-}
	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$(_mural_commands "$1") --help --version" -- "$cur")
		return
	fi
	case $prev in
	--format)
		mapfile -t COMPREPLY < <(compgen -W 'pam png raw' -- "$cur")
		return
		;;
	--pixel-format)
		mapfile -t COMPREPLY < <(compgen -W 'xrgb8888 argb8888 rgb565' -- "$cur")
		return
		;;
	--size | --delay | --count)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1" "$command --help")" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	elif [[ $command == cat ]]; then
		_filedir '@(jp?(e)g|jpe|jfif|png)'
	fi
} && complete -F _mural mural
