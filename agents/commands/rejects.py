"""`esn-pulse rejects`: what was refused and why; show it, send it again."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click

from agents import clock
from agents.errors import Failed, Usage
from agents.rejects import rejected
from agents.rejects.rejected import Rejected
from agents.settings import Settings, pass_settings
from agents.terminal.printing import Column, format_option, harmless, instant, many, note, show
from agents.terminal.spans import Span
from schemas.events import REASONS
from schemas.topics import REJECTS

HELP: Final = """Show what was refused and why; send it again after a fix.

Refused messages are in the topic esn.rejects for 7 days, as they came. Reasons: {reasons}.

\b
How many, by topic and reason; of the last two hours:
  esn-pulse rejects
  esn-pulse rejects --since 2h
\b
One by one, the latest first:
  esn-pulse rejects --list --reason unknown_verb
\b
Look at the latest one, or at that one of the list (it may hold what people wrote):
  esn-pulse rejects --show 1 --reason not_json
  esn-pulse rejects --show 2:17
\b
After a fix (a newer worker, another ESN_TIME), send them to their topics again, or only what is accepted by now:
  esn-pulse rejects --resend --reason unknown_verb
  esn-pulse rejects --resend --only-accepted

Each message is sent again once, however often this is run; its copy has the header esn-resent. A copy that is
refused, too, is left alone; --again sends it once more. Events keep their time, so most of them are late.
""".format(reasons=", ".join(REASONS))

_TABLE_ROWS: Final = 100
_SHOWN_SIGNS: Final = 4000
_SUMMARY: Final = (
    Column("topic"), Column("reason"), Column("messages", "count"), Column("sent_again", "count"),
    Column("first", "time"), Column("last", "time"),
)  # fmt: skip
_LIST: Final = (
    Column("at"), Column("refused", "time"), Column("reason"), Column("topic"), Column("partition", "count"),
    Column("offset", "count"), Column("bytes", "count"), Column("sent_again"),
)  # fmt: skip


class _Which(click.ParamType):
    name = "N|P:O"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Take how many of the latest, or a partition and an offset of `esn.rejects`."""
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{1,9}):(\d{1,18})|([1-9]\d{0,8})", value)
        if not match:
            self.fail(f"{value} is neither a number nor a place as --list shows it, 2:17", param, ctx)
        return int(match[3]) if match[3] else (int(match[1]), int(match[2]))


@click.command("rejects", help=HELP)
@click.option("--list", "listed", is_flag=True, help="One by one, with where they are.")
@click.option("--show", "shown", type=_Which(), help="Print the latest N, or the one at P:O, with its content.")
@click.option("--resend", is_flag=True, help="Send them to their topics again.")
@click.option("--reason", "reasons", type=click.Choice(REASONS), metavar="REASON", multiple=True, help="Repeatable.")
@click.option("--since", "since_ms", type=Span(), help="Refused within so long: 2h, 1d.")
@click.option("--only-accepted", is_flag=True, help="With --resend: leave out what would be refused again.")
@click.option("--again", is_flag=True, help="With --resend: also copies that were refused again.")
@click.option("--limit", type=click.IntRange(1), help=f"With --list: so many; a table has {_TABLE_ROWS} by default.")
@format_option
@pass_settings
def command(
    settings: Settings, /, listed: bool, shown: Any, resend: bool, limit: int | None, how: str, **given: Any
) -> None:
    """Run the command."""
    if listed + (shown is not None) + resend > 1:
        raise Usage("--list, --show and --resend exclude each other: choose one")
    if not resend and (given["again"] or given["only_accepted"]):
        raise Usage("--again and --only-accepted belong to --resend")
    asked = _Asked(given["reasons"], given["since_ms"])
    if resend:
        _resend(settings, asked, again=given["again"], only_accepted=given["only_accepted"])
        return
    messages = asked.of(rejected.read(settings)) if not isinstance(shown, tuple) else rejected.read(settings)
    if shown is not None:
        _show(settings, messages, shown, how)
    elif listed:
        _list(messages, limit or (_TABLE_ROWS if how == "table" else None), how)
    else:
        show(_SUMMARY, rejected.summary(messages), how)
        note(f"{many(len(messages), 'refused message')} in {settings.topic(REJECTS.name)}")


class _Asked:
    """The filters."""

    def __init__(self, reasons: Sequence[str], since_ms: int | None) -> None:
        self._reasons = reasons
        self._since_ms = clock.now_ms() - since_ms if since_ms else None

    def of(self, messages: Iterable[Rejected]) -> list[Rejected]:
        """Return those that were asked for."""
        return [
            message
            for message in messages
            if (not self._reasons or message.reason in self._reasons)
            and (self._since_ms is None or message.refused_ms >= self._since_ms)
        ]


def _list(messages: Sequence[Rejected], limit: int | None, how: str) -> None:
    rows = (
        (
            message.at,
            message.refused_ms,
            message.reason,
            message.topic,
            message.partition,
            message.offset,
            message.size,
            _sent_again(message),
        )
        for message in messages[:limit]
    )
    show(_LIST, rows, how)
    if limit and len(messages) > limit:
        note(f"the latest {limit:,} of {len(messages):,}; --limit shows more")


def _sent_again(message: Rejected) -> str:
    if message.is_copy:
        return "yes, its copy too" if message.resent else "is a copy"
    return "yes" if message.resent else "no"


def _show(settings: Settings, messages: Sequence[Rejected], which: int | tuple[int, int], how: str) -> None:
    latest = messages[:which] if isinstance(which, int) else ()
    chosen = latest or [message for message in messages if message.place == which]
    if not chosen:
        raise Failed("there is no such refused message: see `esn-pulse rejects --list`")
    bodies = {message.place: (_text(key), _text(value)) for message, key, value in rejected.bodies(settings, chosen)}
    if how == "table":
        for message in chosen:
            _print(message, *bodies.get(message.place, (None, None)))
    else:
        show(
            (*_LIST[:3], Column("origin"), Column("key"), Column("value")),
            ((m.at, m.refused_ms, m.reason, m.origin, *bodies.get(m.place, (None, None))) for m in chosen),
            how,
        )


def _print(message: Rejected, key: str | None, value: str | None) -> None:
    refused = instant(message.refused_ms).strftime("%Y-%m-%d %H:%M:%S")
    click.echo(f"{message.at}  {message.reason}  {message.origin}  refused {refused} UTC  {message.size:,} bytes")
    click.echo(f"  key    {harmless((key or '-')[:_SHOWN_SIGNS])}")
    click.echo(f"  value  {harmless((value or '-')[:_SHOWN_SIGNS])}")
    if len(value or "") > _SHOWN_SIGNS:
        click.echo(f"         (the first {_SHOWN_SIGNS:,} signs; --format json has all)")


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")


def _resend(settings: Settings, asked: _Asked, *, again: bool, only_accepted: bool) -> None:
    from agents.rejects.resending import resend  # noqa: PLC0415  (brings aiokafka, which looking does not need)

    before = {"resent": 0, "copies": 0}

    def choose(messages: Sequence[Rejected]) -> list[Rejected]:
        wanted = asked.of(messages)
        before["resent"] = sum(message.resent for message in wanted)
        wanted = [message for message in wanted if not message.resent]
        before["copies"] = 0 if again else sum(message.is_copy for message in wanted)
        return wanted if again else [message for message in wanted if not message.is_copy]

    outcome = resend(settings, choose, only_accepted=only_accepted)
    refusable = +outcome.refusable
    told = [f"sent {many(outcome.sent, 'message')} again"]
    if refusable:
        reasons = ", ".join(f"{reason} {number:,}" for reason, number in refusable.most_common())
        left = "left out, because they would" if only_accepted else "of them will"
        told.append(f"{refusable.total():,} {left} be refused again by this version ({reasons})")
    if before["resent"]:
        told.append(f"sent again before: {before['resent']:,}")
    if before["copies"]:
        told.append(f"refused again, so left alone: {before['copies']:,} (--again sends them)")
    if outcome.superseded:
        told.append(f"left out, because the person has a later directory record: {outcome.superseded:,}")
    if outcome.foreign:
        told.append(f"left out, because they are from no input topic: {outcome.foreign:,}")
    click.echo("; ".join(told))
