"""Which area each region of a published table is.

Belongs here: reading what a pack says of regions, comparing names, and giving every region its areas or the reason why it has none.
Does not belong here: reading the tables (``ophi``), or figures of merged regions (``merging``).

Regions of a survey are not always areas of the pack. A region is what its name says. The pack's own word (option ``regions``) comes
first, then the P-code that a file gives the name, where it is that of one area of the published level. What would lose a figure or
put it elsewhere is refused; what the pack says otherwise than the files, and what is left out, is said.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from poverty_assets.errors import ContractViolation, SpecificationError
from poverty_assets.lined_yaml import nearest
from poverty_assets.pack.country import Country
from poverty_assets.pack.keys import plain_name
from poverty_assets.pack.source import PublishedOptions

LEFT_OUT = "the pack leaves it out"


@dataclass(frozen=True)
class RegionMap:
    """What a pack says of regions, by ``plain_name``.

    Attributes
    ----------
    areas : mapping of str to tuple of str
        Codes of the areas that a region is or is made up of; none where it is left out.
    names : mapping of str to str
        The names as the pack writes them.
    reasons : mapping of str to str
        Why a region is left out, where the pack says so.
    """

    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def before(self, other: RegionMap) -> RegionMap:
        """Both together; where they speak of the same region, this one."""
        return RegionMap(
            {**other.areas, **self.areas}, {**other.names, **self.names}, {**other.reasons, **self.reasons}
        )


def region_map(options: PublishedOptions, folder: Path) -> RegionMap:
    """What a source's entry, or the csv table of the pack that it names, says of regions.

    Raises
    ------
    SpecificationError
        If two names are one region, or the table is missing or not of its form.
    """
    if isinstance(options.regions, str):
        file = folder / options.regions
        rows, reasons = _table_of_regions(file)
    else:
        file, reasons = folder, {}
        said = options.regions.items()
        rows = [(name, tuple([codes] if isinstance(codes, str) else codes or ())) for name, codes in said]
    names: dict[str, str] = {}
    for name, _ in rows:
        if names.setdefault(plain_name(name), name) != name:
            problem = (
                f"{name!r} and {names[plain_name(name)]!r} are one region: names are compared without regard to case"
            )
            raise SpecificationError(f"{problem}, dashes and blanks", file=file, remedy="keep one of them")
    areas: dict[str, tuple[str, ...]] = {}
    for name, codes in rows:
        areas[plain_name(name)] = (*areas.get(plain_name(name), ()), *codes)
    return RegionMap(areas, names, {plain_name(name): why for name, why in reasons.items()})


def _table_of_regions(file: Path) -> tuple[list[tuple[str, tuple[str, ...]]], dict[str, str]]:
    form = "give it the columns name and area_code, and reason for regions without one"
    if not file.is_file():
        raise SpecificationError("no such file: regions names it", file=file, remedy=form)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        table = csv.DictReader(stream)
        if not {"name", "area_code"} <= set(table.fieldnames or ()):
            raise SpecificationError("column name or area_code is missing", file=file, place="line 1", remedy=form)
        rows = [{key: (value or "").strip() for key, value in row.items() if key} for row in table]
    blank = next((number for number, row in enumerate(rows, start=2) if not row["name"]), None)
    if blank:
        raise SpecificationError("a region has no name", file=file, place=f"line {blank}", remedy="enter its name")
    reasons = {row["name"]: row["reason"] for row in rows if not row["area_code"] and row.get("reason")}
    return [(row["name"], (row["area_code"],) if row["area_code"] else ()) for row in rows], reasons


@dataclass
class RegionNotes:
    """What people should know of published regions.

    Attributes
    ----------
    notes, warnings : dict of str to str
        By region. Notes are of what the pack has decided; warnings of what it may not know.
    """

    notes: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)


class Places:
    """Areas of published regions.

    Parameters
    ----------
    areas : DataFrame
        ``area_id, area_level, parent_id, name_en`` (catalog: ``dim_area``).
    country : Country
    """

    def __init__(self, areas: pd.DataFrame, country: Country) -> None:
        self.level = dict(zip(areas["area_id"], areas["area_level"], strict=True))
        self.name = dict(zip(areas["area_id"], areas["name_en"], strict=True))
        below = areas.loc[areas["parent_id"] == country.area_id, "area_level"]
        self.published = str(below.iloc[0]) if len(below) else ""
        self.holder = dict(zip(areas["area_id"], areas["parent_id"], strict=True))
        self.root = country.area_id
        self.said = RegionNotes()

    def shown(self, code: str) -> str:
        """An area as people know it."""
        return f"{self.level[code]} {code} {self.name[code]}"

    def of(
        self, pcodes: Mapping[str, Sequence[str]], stated: RegionMap, files: Sequence[Collection[str]]
    ) -> dict[str, tuple[str, ...]]:
        """Codes of the areas of each region, none where it is left out; notes what is to be said.

        Parameters
        ----------
        pcodes : mapping of str to sequence of str
            Of each region, by its name as published, the P-codes that files give it, without the country's letters; none where no
            file does.
        stated : RegionMap
        files : sequence of collection of str
            Names of regions in each file. Two names of one area in one file are two regions, in two files one region.

        Raises
        ------
        ContractViolation
            Naming every region that would be lost, or be put in the wrong place.
        """
        faults: list[str] = []
        found: dict[str, tuple[str, ...]] = {}
        implied: set[str] = set()
        for name, given in pcodes.items():
            pcode = given[0] if given else ""
            codes = stated.areas.get(plain_name(name))
            if codes is None:
                own = self._implied(name, pcode, faults)
                if len({self._known(one) for one in given}) > 1:
                    faults.append(
                        f"{name} has the codes {' and '.join(self.root + one for one in given)} in different files"
                    )
                implied.add(name)
                found[name] = (own,) if own else ()
            else:
                found[name] = self._stated(name, codes, pcode, stated, faults)
        self._say_unknown(pcodes, stated)
        self._left_without(found, faults)
        for names in files:
            self._overlaps({name: found[name] for name in names}, implied, faults)
        self._say_renamed({name: found[name] for name in pcodes if name in implied})
        faults = list(dict.fromkeys(faults))
        if faults:
            raise ContractViolation(
                f"{len(faults)} published regions cannot be given their areas: " + "; ".join(faults),
                remedy="say in the source's entry which area each is, options: {regions: {Name as published: code of its"
                " area, or [codes] of those that make it up, or null to leave it out}}",
            )
        return found

    def _implied(self, name: str, pcode: str, faults: list[str]) -> str:
        """The area that the file's own code names; empty, with the fault noted, where it names none of the published level."""
        if not pcode:
            faults.append(f"{name} has no code in any file")
            return ""
        code = self._known(pcode)
        if not code:
            faults.append(f"{name} has the code {self.root}{pcode}, which is of no area")
        elif self.level[code] != self.published:
            faults.append(
                f"{name} has the code {self.root}{pcode}, that of {self.shown(code)}, which is no {self.published}"
            )
            return ""
        return code

    def _known(self, pcode: str) -> str:
        """The area of a P-code, with or without the letters of its country; empty if there is none."""
        return next((code for code in (pcode, self.root + pcode) if code in self.level), "")

    def _stated(
        self, name: str, codes: tuple[str, ...], pcode: str, stated: RegionMap, faults: list[str]
    ) -> tuple[str, ...]:
        for code in codes:
            if code not in self.level:
                known = [one for one, level in self.level.items() if level == self.published]
                faults.append(f"regions gives {name} the code {code!r}, which is of no area ({nearest(code, known)})")
                return ()
        if not codes:
            self.said.notes[name] = f"left out: {stated.reasons.get(plain_name(name), LEFT_OUT)}"
            return ()
        if len(codes) > 1:
            self.said.notes[name] = f"made up of {', '.join(codes)}: each is given its figures"
        other = [code for code in codes if self.level[code] != self.published]
        if other:
            self.said.warnings[name] = (
                f"is {self.shown(other[0])}, no {self.published}: shown, and not brought down to smaller areas"
            )
        implied = self._known(pcode) if pcode else ""
        if implied and implied not in codes:
            self.said.warnings.setdefault(
                name, f"the file gives it the code of {self.shown(implied)}; the pack says {', '.join(codes)}"
            )
        return codes

    def _left_without(self, found: Mapping[str, Sequence[str]], faults: list[str]) -> None:
        """Note regions that the pack gives the code of a smaller area, where the area that holds it has no figure then."""
        known = {code for codes in found.values() for code in codes}
        for name, codes in found.items():
            for code in codes:
                holder = self._of_published(code)
                if holder != code and holder is not None and holder not in known:
                    faults.append(
                        f"regions gives {name} the code of {self.shown(code)}, and {self.shown(holder)}, which holds it, is left"
                        " without a figure"
                    )

    def _of_published(self, code: str) -> str | None:
        """The area of the published level that an area is or lies in; None of the country."""
        at: str | None = code
        while at is not None and self.level[at] != self.published:
            above = self.holder.get(at)
            at = above if isinstance(above, str) else None
        return at

    def _say_unknown(self, pcodes: Collection[str], stated: RegionMap) -> None:
        there = {plain_name(name) for name in pcodes}
        for key, name in stated.names.items():
            if key not in there:
                self.said.warnings[name] = "regions names it, and no file has a figure of it"

    def _say_renamed(self, found: Mapping[str, Sequence[str]]) -> None:
        """Warn of an area that files name by one code and call by several names, which nobody has said are one region."""
        called: dict[str, list[str]] = {}
        for name, codes in found.items():
            for code in codes:
                called.setdefault(code, []).append(name)
        for code, names in called.items():
            for name in names if len({*map(plain_name, names)}) > 1 else ():
                others = " and ".join(repr(one) for one in names if one != name)
                self.said.warnings.setdefault(name, f"has the code of {self.shown(code)}, as {others} in another file")

    def _overlaps(self, found: Mapping[str, Sequence[str]], implied: Collection[str], faults: list[str]) -> None:
        """Note regions of one file that are one area together: only the pack can say so, and of whole regions."""
        holders: dict[str, list[str]] = {}
        for name, codes in found.items():
            for code in codes:
                holders.setdefault(code, []).append(name)
        for code, names in holders.items():
            if len(names) < 2:
                continue
            if sum(name in implied for name in names) > 1:
                faults.append(f"{' and '.join(names)} have one code, that of {self.shown(code)}")
            elif any(len(found[name]) > 1 for name in names):
                faults.append(f"{' and '.join(names)} share {self.shown(code)}, and one of them has other areas, too")
            else:
                for name in names:
                    self.said.notes.setdefault(name, f"part of {self.shown(code)}: merged from {', '.join(names)}")
