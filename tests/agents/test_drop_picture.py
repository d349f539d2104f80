"""The picture: well-formed whatever it is told, by the hour or by the day, with its holidays, drops and local ticks."""

from xml.etree import ElementTree

import numpy as np

from agents.drops.picture import Panel, Shade, draw

SVG = "{http://www.w3.org/2000/svg}"
MONDAY = 1772409600  # 2026-03-02


def panel(hours: int, *drops: Shade, heading: str = "company all") -> Panel:
    expected = np.where(np.arange(hours) % 24 < 8, 0.0, 20.0)
    holiday = np.arange(hours) // 24 == 1
    return Panel(
        heading=heading,
        wall=MONDAY + 3600 * np.arange(hours),
        count=expected * 0.9,
        expected=np.where(holiday, np.nan, expected),
        low=np.where(holiday, np.nan, expected * 2 - 30),
        holiday=holiday,
        drops=drops,
    )


def drawn(*panels: Panel, title: str = "Drops") -> ElementTree.Element:
    return ElementTree.fromstring(draw(title, panels))  # noqa: S314  (our own)


def of(picture: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [element for element in picture.iter() if element.get("class") == kind]


def words(picture: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


def test_a_week_is_drawn_by_the_hour() -> None:
    picture = drawn(panel(24 * 7, Shade(58, 70, 61, "Wed 10:00: 50% lost")))
    assert len(of(picture, "frame")) > 1
    assert [element.get("class") for element in picture.iter(f"{SVG}rect")].count("drop") == 2  # one is the legend's
    assert len(of(picture, "holiday")) == 2
    assert len(of(picture, "found")) == 1
    assert any(word in words(picture) for word in ("Wed 4", "Thu 5"))
    assert "people within each hour" in words(picture)


def test_months_are_drawn_by_the_day_with_close_ups_of_the_largest_drops() -> None:
    drops = [Shade(first, first + 5, first + 2, f"lost {first}") for first in (300, 800, 1300, 1800)]
    picture = drawn(panel(24 * 100, *drops))
    assert [word for word in words(picture) if word.startswith("lost ")] == ["lost 300", "lost 800", "lost 1300"]
    assert len(of(picture, "drop")) == 1 + 4 + 3
    assert len(of(picture, "found")) == 3
    assert "30 Mar" in words(picture)


def test_nothing_is_drawn_where_nothing_was_judged() -> None:
    expected = [one.get("d", "") for one in of(drawn(panel(72)), "line expected")]
    assert [path.count("M") for path in expected] == [1, 2]  # the legend's; before and after the holiday


def test_every_mark_lies_in_the_picture() -> None:
    picture = drawn(panel(24 * 30, Shade(24 * 29, 24 * 30 - 1, 24 * 30 - 1, "at the end"), Shade(0, 0, 0, "at once")))
    _, _, width, height = map(float, picture.get("viewBox", "").split())
    for element in picture.iter(f"{SVG}rect"):
        assert 0 <= float(element.get("x", 0)) <= width - float(element.get("width", 0)) + 2
        assert 0 <= float(element.get("y", 0)) <= height - float(element.get("height", 0))


def test_names_that_others_wrote_do_no_harm() -> None:
    bad = "department <script>alert(1)</script> & \x00\x1b[31m\u202e\ud800"
    picture = drawn(panel(48, heading=bad), title=bad)
    assert not list(picture.iter(f"{SVG}script"))
    assert any("<script>" in word and "\\x1b" in word for word in words(picture))


def test_a_period_without_any_people_is_drawn_too() -> None:
    nobody = np.zeros(1)
    assert drawn(Panel("nobody", np.array([MONDAY]), nobody, nobody, nobody, np.array([False]), [])) is not None
