"""The explorer worked by mouse, by keyboard alone or by touch, and how long slow people would take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

POINT, PRESS, LETTER = 4.0, 0.8, 0.5
"""Seconds that somebody slow takes to find and point at a thing, to press a key, to type a letter."""
PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1366, "height": 768}


class Hand:
    """One way of working a page; ``seconds`` adds up what it took.

    Parameters
    ----------
    page : Page
    way : {"mouse", "keyboard", "touch"}
    settle : callable
        Waits until the page has drawn.
    """

    def __init__(self, page: Any, way: str, settle: Callable[[Any], None]) -> None:
        self.page, self.way, self._settle, self.seconds = page, way, settle, 0.0

    def _done(self, seconds: float) -> None:
        self.seconds += seconds
        self._settle(self.page)

    def _reach(self, selector: str) -> None:
        """The focus as somebody with a keyboard moves it: only to what takes it."""
        self.page.focus(selector)
        assert self.page.evaluate("wanted => document.activeElement.matches(wanted.split(' >> ')[0])", selector), (
            selector
        )

    def press(self, selector: str) -> None:
        """A button."""
        if self.way == "keyboard":
            self._reach(selector)
            self.page.keyboard.press("Enter")
        elif self.way == "touch":
            self.page.tap(selector)
        else:
            self.page.click(selector)
        self._done(POINT)

    def choose(self, name: str, value: str) -> None:
        """One of a list of choices; the system's own list of a phone or mouse is taken to be worked."""
        select = self.page.locator(f"#{name}")
        if self.way != "keyboard":
            select.select_option(value)
            self._done(2 * POINT)
            return
        place = "(e, v) => [...e.options].findIndex(o => o.value === v) - e.selectedIndex"
        while steps := select.evaluate(place, value):
            self._reach(f"#{name}")
            self.page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
            self._done(PRESS)

    def tab(self, name: str) -> None:
        """A tab of the panel; by keyboard with the arrows from the one that is open."""
        if self.way != "keyboard":
            self.press(f"#tab-{name}")
            return
        self._reach("#tabs [aria-selected=true]")
        while self.page.get_attribute(f"#tab-{name}", "aria-selected") != "true":
            self.page.keyboard.press("ArrowRight")
            self._done(PRESS)

    def find(self, box: str, name: str) -> None:
        """An area by its name: typed, and taken from what is offered."""
        if self.way == "keyboard":
            self._reach(f"#{box}")
        elif self.way == "touch":
            self.page.tap(f"#{box}")
        else:
            self.page.click(f"#{box}")
        self.page.keyboard.type(name)
        if self.way == "keyboard":
            self.page.keyboard.press("Enter")
        elif self.way == "touch":
            self.page.tap(f"#{box}-list li >> nth=0")
        else:
            self.page.click(f"#{box}-list li >> nth=0")
        self._done(2 * POINT + LETTER * len(name))

    def open_sheet(self) -> None:
        """The profile: on a phone it comes up from below."""
        if self.way == "touch" and not self.page.evaluate("document.body.classList.contains('sheet-open')"):
            self.press("#sheet")
