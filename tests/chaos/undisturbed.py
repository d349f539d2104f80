"""The same record once more while nothing dies: one worker, pieces without pauses, and all rows side by side."""

from tests.chaos.published import drops
from tests.chaos.sender import sending
from tests.chaos.site import Site, unlike
from tests.recount import differences


def undisturbed(site: Site) -> list[str]:
    """Run a site's record undisturbed; return what differs. The site's own workers have ended."""
    record = site.record
    calm = Site(site.stack, f"{site.settings.prefix}calm", site.folder / "undisturbed", record, site.partitions)
    try:
        calm.hire()
        with sending(calm, 0.0) as sender:
            sender.finish(600)
        calm.end_all()
        found = calm.drops()
        wrong = unlike("drops", found, site.drops()) + unlike(
            "esn.drops", drops(calm.settings)[0], drops(site.settings)[0]
        )
        if record.drops and {row["state"] for row in found.values()} <= {"withdrawn"}:
            wrong.append(f"nothing was found of {record.drops} drops, so nothing was compared")
        wrong += differences(calm.active_people(), site.active_people())
        wrong += differences(calm.activity(), site.activity())
        wrong += differences(calm.people(), site.people())
    finally:
        calm.stop()
    return [f"undisturbed run: {line}" for line in wrong]
