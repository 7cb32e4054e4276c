#compdef mural mural-viewer mural-producer
# What the commands are, and their options and what those take, the programs' own --help says.

# The options of a --help on standard input, as _arguments takes them, into the array specs.
_mural_read_options() {
	setopt local_options extended_glob
	local line short name takes text action long glue
	specs=()
	while IFS= read -r line; do
		[[ $line =~ '^ +(-([A-Za-z]), |-\?, )? *--([a-z-]+)((\[?=)([^] ]+)\]?)?( +(.*))?$' ]] || continue
		short=$match[2] name=$match[3] takes=$match[6]
		text=${match[8]//(#m)[]\[\\]/\\$MATCH}
		case $takes in
		[a-z0-9]##(\|[a-z0-9]##)##) action="(${takes//|/ })" ;;
		FILE* | PATH) action=_files ;;
		FOLDER) action='_files -/' ;;
		*) action=' ' ;;
		esac
		case $match[5] in # how it is joined to what it takes
		'') long= glue= action= ;;
		'=') long='=' glue='+' action=":$takes:$action" ;;
		'[=') long='=-' glue='-' action="::$takes:$action" ;;
		esac
		if [[ $text == *repeated* ]]; then
			specs+=("*--$name${long}[$text]$action")
		elif [[ -n $short ]]; then
			specs+=("(-$short --$name)"{-$short$glue,--$name$long}"[$text]$action")
		else
			specs+=("--$name${long}[$text]$action")
		fi
	done
}

_mural_pictures() {
	_files -g '*.(#i)(jpg|jpeg|jpe|jfif|png)(-.)'
}

_mural() {
	local -a specs commands
	local help program=$words[1]
	case $service in
	mural)
		if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
			commands=(${(f)"$(_call_program commands $program --help 2>/dev/null |
				sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)/\1:\2/p')"})
			_describe command commands
			return
		fi
		if ((CURRENT > 2)); then
			# Words are as they were typed: nothing but a command's name may be run.
			[[ $words[2] =~ '^[a-z]+$' ]] || return
			program+=" $words[2]"
			shift words
			((CURRENT--))
		fi
		;;
	esac
	help="$(_call_program options $program --help 2>/dev/null)"
	_mural_read_options <<<$help
	[[ $program == *' cat' || $service == mural-viewer ]] && specs+=('*:picture:_mural_pictures')
	_arguments -s -S : $specs
}

_mural "$@"
