"""`netlab completion`: a script for the shell."""

from __future__ import annotations

import os
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

HOW = {
    "bash": 'eval "$(netlab completion bash)"      # in ~/.bashrc',
    "zsh": 'eval "$(netlab completion zsh)"       # in ~/.zshrc, behind compinit',
    "fish": "netlab completion fish | source       # in ~/.config/fish/config.fish",
}

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' type value
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            plain) COMPREPLY+=("$value")
                if [[ $value == */ ]]; then compopt -o nospace; fi ;;
            # Where nothing else fits readline completes files itself, tildes and variables included.
            file) if (( ${#COMPREPLY[@]} )); then
                    compopt -o filenames
                    COMPREPLY+=($(compgen -d -- "$value") $(compgen -f -X '!*.y*ml' -- "$value"))
                fi ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_BREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
}

complete -o nosort -o bashdefault -o default -F %(complete_func)s %(prog_name)s
"""

#: Zsh's own completion of files and folders must know which part of --report-dir=here is the path.
_ZSH = ZshComplete.source_template.replace("_path_files", "compset -P '--*='; _path_files")

#: click's script splits an answer at every comma and loses the rest: further layers, and the end of each sentence.
_FISH = """\
function %(complete_func)s
    set -l option ""
    if set -l found (string match -r -- '^--[^=]+=' (commandline -t))
        set option $found
    end
    set -lx COMP_WORDS (commandline -cp)
    set -lx COMP_CWORD (commandline -t)
    for line in (env %(complete_var)s=fish_complete %(prog_name)s)
        set -l parts (string split -m 1 "," -- $line)
        switch $parts[1]
            case plain
                echo $option$parts[2]
            case dir
                string replace -r -- '^' $option (__fish_complete_directories $parts[2])
            case file
                string replace -r -- '^' $option (__fish_complete_path $parts[2])
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Bash(BashComplete):
    """Bash breaks words at ``:`` and ``@``, so it sees an endpoint as several words. So the words are read from the
    line itself, and bash gets only the part of an answer behind the last break."""

    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that is being typed."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        return (words, "") if not words or line[-1:].isspace() else (words[:-1], words[-1])

    def complete(self) -> str:
        """What fits, a line for each, without what bash has already."""
        args, word = self.get_completion_args()
        # --step=hai: an option's answers are its values.
        value = word.partition("=")[2] if word.startswith("-") else word
        breaks = [value.rfind(one) for one in os.environ.get("COMP_BREAKS", "") if one in value]
        given = value[: max(breaks, default=-1) + 1]
        found: list[CompletionItem[str]] = self.get_completions(args, word)
        return "\n".join(f"{item.type},{str(item.value).removeprefix(given)}" for item in found)


class Zsh(ZshComplete):
    """Zsh replaces the whole word by the answer, so an option's values come with the option before them."""

    source_template: ClassVar[str] = _ZSH

    def format_completion(self, item: CompletionItem[str]) -> str:
        """What the script reads of an answer: three lines."""
        _args, word = self.get_completion_args()
        option, sign, _ = word.partition("=")
        if sign and option.startswith("--") and item.type == "plain":
            item = CompletionItem(f"{option}={item.value}", item.type, item.help)
        return super().format_completion(item)


class Fish(FishComplete):
    """Fish, too, has whole words completed; its script sees to that."""

    source_template: ClassVar[str] = _FISH


@click.command(
    "completion", short_help="Print a completion script for a shell.", epilog="\b\n" + "\n".join(HOW.values())
)
@click.argument("shell", type=click.Choice(list(HOW)))
def command(shell: str) -> None:
    """Print a script that completes commands, topologies, layers, steps, endpoints and rules."""
    from click.shell_completion import get_completion_class

    from netlab.cli.called import program
    from netlab.cli.group import cli

    register()
    kind = get_completion_class(shell)
    assert kind is not None
    complete = kind(cli, {}, program(), "_NETLAB_COMPLETE")
    # Not `source()`, which starts a bash to ask for its version: the script may be for another machine.
    click.echo(complete.source_template % complete.source_vars())


def register() -> None:
    """Put our ways of completing in place of click's."""
    for one in (Bash, Zsh, Fish):
        add_completion_class(one)
