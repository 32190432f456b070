"""The command line: one module per verb family; parses, calls one use case, prints, returns an exit code.

Heavy libraries are imported inside the verbs, so `auditor --help` stays fast: `VERBS` names the module and
the click command of each verb, and a module is imported only when its verb runs or its help is asked for.
"""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import replace
from importlib import import_module
from io import TextIOWrapper

import click
from click.shell_completion import CompletionItem

from auditor import __version__
from auditor.cli.context import BARE, Exit, Session, crash, fail, misused, refuse
from auditor.errors import AuditorError, is_full

VERBS = {
    "archive": (
        "auditor.cli.archive",
        "Look after an archive: status, verify, rebuild, compact, export, erase, prune.",
    ),
    "auth": ("auditor.cli.auth", "Keep the token for Webex in the system's keychain."),
    "check": ("auditor.cli.check", "Judge an archive by rules; write the audit."),
    "collect": ("auditor.cli.collect", "Fetch records from Webex into an archive."),
    "completion": ("auditor.cli.completion", "Print the completion script of a shell."),
    "demo": ("auditor.cli.demo", "Run the whole pipeline on sample data, offline."),
    "diff": ("auditor.cli.diff", "Hold two audits against each other."),
    "doctor": ("auditor.cli.doctor", "Tell what this machine, its token and its archive lack."),
    "explain": ("auditor.cli.explain", "Show why a finding was made, and the records behind it."),
    "import": ("auditor.cli.import_", "Bring saved files into an archive."),
    "report": ("auditor.cli.report", "Render an audit again from its audit.json."),
    "rules": ("auditor.cli.rules", "List, show, check and test rules."),
    "schema": ("auditor.cli.schema", "Print the JSON Schema of a document."),
    "simulate": ("auditor.cli.simulate", "Serve an invented Webex site on loopback."),
    "verify-report": ("auditor.cli.verify_report", "Check a PDF report: signature, attachments, rendering."),
    "waivers": ("auditor.cli.waivers", "List, check and add waivers."),
}

_BETWEEN_COLLECTIONS = 200_000
"""Objects made before Python looks for cycles: rules and audits are many objects and hardly a cycle."""

_LAST_STREAM = 2

ALLOCATOR = ("_RJEM_MALLOC_CONF", f"dirty_decay_ms:1500,narenas:{os.cpu_count() or 1},oversize_threshold:0")
"""How jemalloc, which Polars brings, keeps memory: part after part of a table asks for as much as the one before.

By default it gives memory back after half a second, at once where a column takes 8 MB, and four arenas a core share
nothing of what was let go: on two cores more than half of the pages the system cleared were such. Read when Polars is
imported, and once.
"""


class _Verbs(click.Group):
    """A group that knows its verbs by name and imports only the one that runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in VERBS:
            return None
        command = import_module(VERBS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{VERBS[cmd_name][0]}.command is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in VERBS or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        close = get_close_matches(args[0], VERBS, n=1)
        hint = f" Did you mean '{close[0]}'?" if close else ""
        raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        verbs = [CompletionItem(name, help=VERBS[name][1]) for name in sorted(VERBS) if name.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

    def invoke(self, ctx: click.Context) -> object:
        """The verb's exit code; whatever it raises becomes words and a code, never a traceback."""
        try:
            return self._ended(ctx)
        except click.ClickException as error:
            told = _placed(error, ctx)
            if _session(ctx).log_format == "text":
                raise told from None
            return misused(told.format_message(), _session(ctx))
        except BrokenPipeError:
            return _no_reader()

    def _ended(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (
            click.ClickException,
            click.exceptions.Exit,
            click.Abort,
            KeyboardInterrupt,
            SystemExit,
            BrokenPipeError,
        ):
            raise
        except AuditorError as error:
            return fail(error, _session(ctx))
        except BaseException as error:  # noqa: BLE001 - the last boundary; a panic in Rust is no Exception
            named = isinstance(error, OSError) and error.filename
            told = refuse if named or is_full(error) else crash
            return told(error, _session(ctx))


def _placed(error: click.ClickException, ctx: click.Context) -> click.ClickException:
    """The error; of a global option behind a verb it says where that stands."""
    if not isinstance(error, click.NoSuchOption) or all(
        error.option_name not in own.opts for own in ctx.command.params
    ):
        return error
    words = f"{error.message} It stands in front of the verb: auditor {error.option_name} …"
    return click.NoSuchOption(error.option_name, words, ctx=error.ctx)


def _session(ctx: click.Context) -> Session:
    """The global options; before they are all read, the form of words that was asked for and nothing else."""
    form = str(ctx.params.get("log_format", BARE.log_format))
    return ctx.obj if isinstance(ctx.obj, Session) else replace(BARE, log_format=form)


def _no_reader() -> Exit:
    """The code of output nobody reads."""
    _give_up_stdout()
    return Exit.NO_READER


def _give_up_stdout() -> None:
    """Python flushes stdout once more at exit: give it an open end."""
    if sys.stdout is None:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _occupy_closed_streams() -> None:
    """No file of ours is opened in the place of a closed stream, where a library's words would go into it.

    Words go nowhere then; that stdout is closed still shows.
    """
    if None not in (sys.stdin, sys.stdout, sys.stderr):
        return
    while (opened := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        pass
    os.close(opened)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")


def _write_every_character() -> None:
    """What the encoding of stdout lacks is written as an escape, as on stderr, and ends no verb."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", metavar="FILE", help="Configuration; auditor.yaml in the working folder unless named.")
@click.option("-v", "--verbose", count=True, help="Say more; show the source line of errors.")
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("--no-progress", is_flag=True, help="No progress lines.")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", help="Form of the words on stderr.")
@click.version_option(__version__, prog_name="auditor")
@click.pass_context
def _root(
    ctx: click.Context, config: str | None, verbose: int, *, quiet: bool, no_progress: bool, log_format: str
) -> None:
    """Audit Webex meetings: collect evidence, judge it by rules, report what was found and what could not be judged."""
    from auditor.cli import log

    session = Session(
        config=config, verbosity=-1 if quiet else verbose, progress=not no_progress, log_format=log_format
    )
    log.start(session)
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    ctx.obj = session


def main() -> None:
    """Run the command line and leave with the contract's exit code."""
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    _occupy_closed_streams()
    _write_every_character()
    os.environ.setdefault(*ALLOCATOR)
    try:
        code = _root.main(standalone_mode=False, prog_name="auditor")
        if sys.stdout is not None:
            sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        code = Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = Exit.USAGE
    except BrokenPipeError:
        code = _no_reader()
    except OSError as error:  # what was still to be printed does not fit
        _give_up_stdout()
        code = refuse(error)
    gc.freeze()  # what is there goes with the process: nothing is looked through for cycles once more
    sys.exit(code if isinstance(code, int) else Exit.OK)
