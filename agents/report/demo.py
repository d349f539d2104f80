"""What an adoption team wants to see first, as text: who came, who lags, who does what, who is silent, the drops."""

from zoneinfo import ZoneInfo

from agents.report.query import COMPANY, PARTICIPATION, ROLES, STAGES, Asking, Facts, Moment, Value, lagging, whole_days
from agents.report.weeks import Period
from agents.storage.clickhouse import Reader

_NEWEST = "(SELECT max(at) FROM active_people WHERE dimension = 'company' AND complete)"
_WIDTH = 40


def report(reader: Reader, zone: ZoneInfo) -> str:
    """Return the page; the newest complete step is its `now`, the newest whole local day its today."""
    today = max(whole_days(reader))
    facts = Asking(reader, zone, 0, ("department",)).facts([Moment(Period.until(today), today)])  # a public record
    parts = [
        _adoption(reader),
        _lagging(facts),
        _funnel(facts),
        _roles(facts),
        _silent(reader),
        _trend(reader),
        _drops(reader),
    ]
    return "\n\n".join(parts) + "\n"


def _lagging(facts: Facts) -> str:
    (today,) = facts.moments
    lines = [f"Departments that lag: active in 7 days, beside what they should reach (end of {today.day})"]
    for segment, goal in lagging(facts, ["department"]):
        share = _now(facts, "adoption", "active", segment)
        lines.append(f"  {segment[1]:<12} {_bar(share)} {share:6.1%}  of {goal:.0%}")
    return "\n".join(lines if len(lines) > 1 else [*lines, "  none does"])


def _funnel(facts: Facts) -> str:
    everybody = _now(facts, "adoption", "enabled")
    lines = [f"The journey of {everybody:,} people: how many came so far, and how many of those before them"]
    for stage in STAGES[:-1]:
        reached, conversion = (_now(facts, "journey", f"{stage}_{what}") for what in ("reached", "conversion"))
        bar = _bar(reached / max(everybody, 1))
        lines.append(f"  {stage.replace('_', ' '):<12} {bar} {reached:6,}  {conversion:6.1%}")
    lines.append(f"  lapsed: {_now(facts, 'journey', STAGES[-1]):,} who came once and did not for 28 days")
    return "\n".join(lines)


def _roles(facts: Facts) -> str:
    lines = ["Roles in 28 days"]
    for role in ROLES:
        people, share = _now(facts, "roles", role), _now(facts, "roles", f"{role}_share")
        lines.append(f"  {role.replace('_', ' '):<13}{_bar(share)} {share:6.1%}  {people:4,}")
    own = ", ".join(f"{_now(facts, 'participation', name):.0%} {name}" for name in PARTICIPATION)
    return "\n".join([*lines, f"  of those who take part: {own} (the rule of thumb says 90-9-1)"])


def _now(facts: Facts, section: str, item: str, segment: tuple[str, str] = COMPANY) -> Value:
    return facts.of(section, item, segment)[0] or 0


def _adoption(reader: Reader) -> str:
    query = f"""
        SELECT formatDateTime(at, '%Y-%m-%d %H:%i'), if(dimension = 'company', 'the company', member), enabled,
            round(adoption_7d * enabled), adoption_7d
        FROM active_people
        WHERE at = {_NEWEST} AND measure = 'login' AND dimension IN ('company', 'department') AND enabled > 0
        ORDER BY dimension = 'company' DESC, adoption_7d, enabled DESC, member"""  # noqa: S608  (no input in it)
    rows = reader.query(query)[1]
    lines = [f"Who logged in within 7 days, of the directory's people, by department ({rows[0][0]} UTC)"]
    for _, member, enabled, came, share in rows:
        lines.append(f"  {member:<12} {_bar(share)} {share:6.1%}  {came:4.0f} of {enabled:4d}")
    return "\n".join(lines)


def _silent(reader: Reader) -> str:
    query = f"""
        WITH {_NEWEST} AS now
        SELECT countIf(last_seen > now - INTERVAL 7 DAY), countIf(last_seen <= now - INTERVAL 7 DAY AND
            last_seen > now - INTERVAL 28 DAY), countIf(last_seen <= now - INTERVAL 28 DAY), countIf(last_seen IS NULL),
            count()
        FROM people WHERE listed AND enabled AND kind = 'person'"""  # noqa: S608  (no input in it)
    week, month, longer, never, everybody = reader.query(query)[1][0]
    return (
        f"Who went silent, of {everybody} people\n"
        f"  seen within 7 days {week:6d}\n  silent for a week  {month:6d}\n"
        f"  silent for 4 weeks {longer:6d}\n  never seen         {never:6d}"
    )


def _trend(reader: Reader) -> str:
    query = """
        SELECT formatDateTime(at, '%Y-%m-%d'), w7d, adoption_7d FROM active_people
        WHERE dimension = 'company' AND measure = 'active' AND at = toStartOfWeek(at, 1)
        ORDER BY at"""
    lines = ["Active people in the week that ended on"]
    lines += [f"  {day} {_bar(share)} {people:5d}" for day, people, share in reader.query(query)[1]]
    return "\n".join(lines)


def _drops(reader: Reader) -> str:
    query = """
        SELECT formatDateTime(began_at, '%Y-%m-%d %H:%i'), if(dimension = 'company', 'the company', member), measure,
            round(100 * depth), dateDiff('hour', began_at, ended_at)
        FROM drops WHERE parent_id IS NULL AND dimension IN ('company', 'department') AND state != 'withdrawn'
        ORDER BY began_at, member"""
    lines = ["Engagement drops that were found, by their beginning (UTC)"]
    for began, member, measure, depth, hours in reader.query(query)[1]:
        ended = "still open" if hours is None else f"for {hours} h"
        lines.append(f"  {began}  {member:<12} {measure:<10} {depth:3.0f} % fewer people, {ended}")
    return "\n".join(lines)


def _bar(share: float) -> str:
    """Draw a share of 0 to 1 in eighths of a character."""
    full, eighth = divmod(round(min(share, 1.0) * _WIDTH * 8), 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[eighth] if eighth else "")).ljust(_WIDTH)
