# Completion for mural-viewer; what its options are, its own --help says.
_mural_viewer() {
	local cur prev words cword split
	_init_completion -s || return
	case $prev in
	--wheel)
		mapfile -t COMPREPLY < <(compgen -W 'zoom leaf' -- "$cur")
		return
		;;
	--sort)
		mapfile -t COMPREPLY < <(compgen -W 'name none' -- "$cur")
		return
		;;
	--files-from | --snapshot | --socket)
		_filedir
		return
		;;
	--tour)
		_filedir -d
		return
		;;
	--size | --keys)
		return
		;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_parse_help "$1")" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
		return
	fi
	_filedir '@(jp?(e)g|jpe|jfif|png)'
} && complete -F _mural_viewer mural-viewer
