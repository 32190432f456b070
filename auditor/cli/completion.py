"""`auditor completion`: the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from auditor.cli.context import Exit

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "fish": FishComplete, "zsh": ZshComplete}


@click.command()
@click.argument("shell", type=click.Choice(sorted(_SHELLS)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the completion script of SHELL to stdout.

    \b
    bash   auditor completion bash > ~/.local/share/bash-completion/completions/auditor
    zsh    auditor completion zsh > a folder of $fpath, as _auditor
    fish   auditor completion fish > ~/.config/fish/completions/auditor.fish
    """  # noqa: D301 - click takes the backspace as "do not wrap"
    script = _SHELLS[shell](ctx.find_root().command, {}, "auditor", "_AUDITOR_COMPLETE")
    click.echo(script.source_template % script.source_vars())
    return Exit.OK
