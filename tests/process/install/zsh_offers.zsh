# What zsh offers behind a line, one a line: zsh -f zsh_offers.zsh FOLDER-OF-COMPLETIONS LINE. A real shell on a terminal of its own
# is asked; its lists go into a file, because a terminal's output is made for people.
zmodload zsh/zpty
export folder=$1 offered=$(mktemp -d)
trap 'zpty -d shell; rm -rf $offered' EXIT
cat >$offered/rc <<'END'
PS1= RPS1=
fpath=($folder $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
	local -a hits
	# Calls that only ask which words match do not offer any.
	[[ " ${(j: :)argv[1,(i)--]} " == *' -'[OAD]* ]] || builtin compadd -A hits "$@"
	((#hits)) && print -rl -- $hits >>$offered/list
	builtin compadd "$@"
}
ask() {
	_main_complete
	: >$offered/done
}
zle -C ask list-choices ask
bindkey '^T' ask
: >$offered/ready
END
zpty shell zsh -f -i
zpty -w shell "source $offered/rc"
wait_for() {
	local i
	for i in {1..600}; do
		[[ -e $1 ]] && return
		sleep 0.05
	done
	print -u2 "zsh does not answer"
	exit 1
}
wait_for $offered/ready
zpty -w -n shell "$2"$'\x14'
wait_for $offered/done
[[ ! -e $offered/list ]] || sort -u $offered/list
