#compdef mural mural-viewer mural-producer
# What the commands and options are, the programs' own --help says.

if [[ $service != mural ]]; then
	_gnu_generic
	return
fi
if ((CURRENT == 2)); then
	local -a commands
	commands=(${(f)"$($words[1] --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\)  *\(.*\)/\1:\2/p')"})
	_describe command commands
	return
fi
local -a options
options=(${(f)"$($words[1] $words[2] --help 2>/dev/null | sed -n 's/^  .*\(--[a-z-]*=\{0,1\}\).*/\1/p')"})
compadd -S '' -- $options
[[ $words[2] == cat ]] && _files -g '*.(#i)(jpg|jpeg|jpe|jfif|png)'
