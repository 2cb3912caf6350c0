"""How each source stands to a quarter: its file is there, only one of an earlier period is, or none; and when it can be expected.

Belongs here: that judgement, from files and their records alone. Does not belong here: whether the quarter is to wait (``due``), the
verdict on a file (``gate``), or asking a publisher (``fetching``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from poverty_assets.errors import NotObserved
from poverty_assets.intake.arrivals import Arrival, latest
from poverty_assets.pack.as_of import Release, release
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.sources.landed import read_record
from poverty_assets.sources.lateness import earlier_file, expected_on, is_awaited, is_outgrown

State = Literal["present", "stale", "missing"]


@dataclass(frozen=True)
class Standing:
    """One source, as it stands to a quarter.

    Attributes
    ----------
    source_id : str
    state : {"present", "stale", "missing"}
        ``stale``: the file of the quarter is not there, and one of an earlier period is.
    file : str
        Within the landing folder: the file that is there, else the one that is wanted.
    expected : date, optional
        By when the file of the quarter can be expected; None where no entry states it.
    promised : bool
        Whether there is reason to wait for it: it is required, it is fetched here, it has come for an earlier period, or it was fetched
        for in vain.
    remedy : str
        How to come by it; empty where it is there.
    is_preliminary : bool
        The file is there, and its publisher will replace it by a final one.
    """

    source_id: str
    state: State
    file: str
    expected: dt.date | None
    promised: bool
    remedy: str = ""
    is_preliminary: bool = False

    @property
    def line(self) -> str:
        """As it is printed."""
        when = f"; expected by {self.expected}" if self.expected and self.state != "present" else ""
        said = {
            "present": f"{self.file} (preliminary)" if self.is_preliminary else self.file,
            "stale": f"the newest is {self.file}{when}; {self.remedy}",
            "missing": f"no {self.file}{when}; {self.remedy}",
        }[self.state]
        return f"{self.state:<9} {self.source_id}: {said}"


def standings(
    specs: Sequence[SourceSpec],
    landing: Path,
    quarter: Quarter,
    arrivals: Sequence[Arrival],
    fetched: Collection[str] = (),
) -> list[Standing]:
    """Every source that can have observed something by the quarter's end, but those that an installed package brings.

    Parameters
    ----------
    arrivals : sequence of Arrival
        Once the landing folder has been looked at, a file counts when it was accepted.
    fetched : collection of str
        Sources that this home fetches by itself.
    """
    known = {name: one for name, one in latest(arrivals).items() if one.verdict == "accepted"} if arrivals else None
    found = []
    for spec in specs:
        try:
            wanted = release(spec, quarter, landing) if spec.package is None else None
        except NotObserved:
            continue
        if wanted is not None:
            found.append(_standing(wanted, known, spec.source_id in fetched))
    return found


def _standing(wanted: Release, known: Mapping[str, Arrival] | None, fetched: bool) -> Standing:
    spec, file, expected = wanted.spec, wanted.file(wanted.landing), expected_on(wanted)
    earlier = earlier_file(wanted)
    promised = spec.required or fetched or is_awaited(wanted)
    remedy = f"poverty-assets fetch {spec.source_id}" if spec.fetch is not None else f"by hand: {spec.obtain}"
    if wanted.path.exists() and (known is None or file in known):
        if not is_outgrown(wanted):
            record = read_record(wanted.path)
            early = record is not None and record.is_preliminary
            return Standing(spec.source_id, "present", file, expected, promised, is_preliminary=early)
        return Standing(spec.source_id, "stale", file, expected, promised, remedy)
    if earlier is not None:
        return Standing(spec.source_id, "stale", earlier, expected, promised, remedy)
    return Standing(spec.source_id, "missing", file, expected, promised, remedy)
