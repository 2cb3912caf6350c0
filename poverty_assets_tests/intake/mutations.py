"""Corrupted landing files, drawn by a seed: over every kind of file of the made-up landing folder.

Belongs here: ways to spoil a file, and ways to change one that mean nothing and have to be accepted. Does not belong here: what each does
(``changes``), what the gate says of them (``trial``), or the folder itself (``poverty_assets_tests.landing``).

Each way is a function of the landing folder and a generator of random numbers: which row, feature, cell or sheet is hit differs with the
seed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from poverty_assets_tests.intake import changes
from poverty_assets_tests.intake.landing_files import (
    CENSUS,
    CITIES,
    CODES,
    COMMUNES,
    DATABASE,
    DENSITY,
    DISTRICTS,
    FLOOD,
    FRICTION,
    NATIONAL,
    NDVI,
    PCODES,
    PLACES,
    PLAIN_FILES,
    PROVINCES,
    PUBLISHED,
    REGISTER,
    ROADS,
    SUBNATIONAL,
    VILLAGES_2010,
    WAVE,
    Rng,
    a_cell,
    book,
    cut,
    each_cell,
    every_record,
    moved,
    put,
    raster,
    records,
    shapes,
    shuffled,
    table,
    text,
)


@dataclass(frozen=True)
class Mutation:
    """A way to change the folder.

    Attributes
    ----------
    kind : str
        ``form, geometry, identity, unit, published, raster, survey``.
    name : str
    file : str
        Within the landing folder.
    change : callable
        Of the folder and a generator.
    harmless : bool
        Whether the folder is still right, and has to be accepted.
    """

    kind: str
    name: str
    file: str
    change: Callable[[Path, Rng], None]
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.name} ({Path(self.file).name})"


def drawn(seed: int, number: int) -> list[tuple[int, Mutation]]:
    """So many mutations with a seed of their own for each; a third are harmless, and no way comes again before every other has come."""
    rng = np.random.default_rng(seed)
    ways = list(every())
    pools = {True: [w for w in ways if w.harmless], False: [w for w in ways if not w.harmless]}
    chosen: list[Mutation] = []
    for harmless, share in ((True, number // 3), (False, number - number // 3)):
        pool, taken = pools[harmless], []
        while len(taken) < share:
            taken += [pool[i] for i in rng.permutation(len(pool))]
        chosen += taken[:share]
    return [(int(rng.integers(2**31)), chosen[i]) for i in rng.permutation(len(chosen))]


def every() -> Iterator[Mutation]:
    """Every way."""
    yield from _harmless()
    yield from _any_file()
    yield from _tables()
    yield from _json()
    yield from _geometry()
    yield from _identity()
    yield from _units()
    yield from _published()
    yield from _rasters()
    yield from _surveys()


def _harmless() -> Iterator[Mutation]:
    made = partial(Mutation, harmless=True)
    for file in (CODES, PCODES, CENSUS, DATABASE, VILLAGES_2010, PLACES, PUBLISHED):
        yield made("form", "rows in another order", file, table(file, partial(shuffled, header=1)))
        yield made("form", "columns in another order", file, table(file, changes.columns_shuffled))
        yield made("form", "an extra column", file, table(file, changes.extra_column))
        yield made("form", "other line ends", file, text(file, changes.line_ends))
        yield made("form", "empty lines at the end", file, text(file, lambda data, rng: data + b"\n\n"))
    for file in (CODES, CENSUS, PLACES, PUBLISHED):
        yield made("form", "a byte order mark", file, text(file, lambda data, rng: b"\xef\xbb\xbf" + data))
        yield made("form", "every field in quotes", file, text(file, changes.quoted))
    yield made("form", "tags of HXL under the header", CENSUS, table(CENSUS, changes.hxl))
    for file in (REGISTER, FLOOD):
        yield made("form", "records in another order", file, records(file, shuffled))
        yield made("form", "an extra key", file, records(file, every_record(lambda r: r.update(note="x"))))
        yield made("form", "a byte order mark", file, text(file, lambda data, rng: b"\xef\xbb\xbf" + data))
        yield made("form", "indented", file, text(file, lambda d, rng: json.dumps(json.loads(d), indent=2).encode()))
    for file in (COMMUNES, PROVINCES, CITIES):
        yield made("geometry", "features in another order", file, shapes(file, shuffled))
        yield made("geometry", "an extra property", file,
                   shapes(file, every_record(lambda f: f["properties"].update(note="x"))))  # fmt: skip
    yield made("geometry", "another layer first", ROADS, changes.another_layer)
    yield made("raster", "compressed in tiles", FRICTION, raster(FRICTION, changes.tiled))
    yield made("raster", "stored from the south", FRICTION, raster(FRICTION, changes.south_up))
    yield made("raster", "in 64 bits", NDVI, raster(NDVI, lambda v, rng: (v[0].astype("float64"), v[1])))
    yield made("raster", "a margin of no value", FRICTION, raster(FRICTION, changes.margin))
    for suffix in (".csv", ".dta", ".sav", ".parquet"):
        yield made("survey", f"a wave ({suffix})", f"{WAVE}/h{suffix}", partial(changes.a_wave, suffix=suffix))
        in_another_order = partial(changes.a_wave, suffix=suffix, change=changes.rows_drawn_anew)
        yield made("survey", f"rows in another order ({suffix})", f"{WAVE}/h{suffix}", in_another_order)
    yield made(
        "survey",
        "an extra column",
        f"{WAVE}/h.dta",
        partial(changes.a_wave, suffix=".dta", change=lambda f, rng: f.assign(x=1)),
    )
    yield made(
        "survey", "weights of zero", f"{WAVE}/h.csv", partial(changes.a_wave, suffix=".csv", change=changes.idle)
    )


def _any_file() -> Iterator[Mutation]:
    for file in PLAIN_FILES:
        yield Mutation("form", "empty", file, text(file, lambda data, rng: b""))
        yield Mutation("form", "absent", file, lambda folder, rng, file=file: (folder / file).unlink())
        yield Mutation("form", "a web page", file, text(file, lambda data, rng: _PAGE))
        yield Mutation("form", "a folder in its place", file, partial(_replaced, file=file, by=Path.mkdir))
        yield Mutation("form", "a pipe in its place", file, partial(_replaced, file=file, by=os.mkfifo))
        yield Mutation("form", "a dangling link", file, partial(_replaced, file=file, by=_link_to_nothing))
        yield Mutation("form", "a link out of the folder", file, partial(_linked_out, file=file))
        yield Mutation("form", "random bytes", file, text(file, lambda data, rng: rng.bytes(max(len(data), 4000))))
        yield Mutation(
            "form", "another kind of file", file, text(file, lambda data, rng: b"PK\x03\x04" + rng.bytes(900))
        )
        if not file.endswith(".gpkg"):
            yield Mutation(
                "form", "cut short", file, text(file, lambda data, rng: data[: int(len(data) * rng.uniform(0.3, 0.7))])
            )


_PAGE = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><p>Please sign in.</p></body></html>\n"


def _replaced(folder: Path, rng: Rng, *, file: str, by: Callable[[Path], Any]) -> None:
    (folder / file).unlink()
    by(folder / file)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def _linked_out(folder: Path, rng: Rng, *, file: str) -> None:
    outside = folder.parent / f"{folder.name}_outside"
    outside.mkdir(exist_ok=True)
    shutil.move(folder / file, outside / "file")
    (folder / file).symlink_to(outside / "file")


def _tables() -> Iterator[Mutation]:
    for file, name in ((CENSUS, "TT_Both"), (DATABASE, "TT_Family"), (PLACES, "population")):
        for value, why in (("9" * 25, "an integer beyond 64 bits"), ("1e30", "1e30"), ("abc", "text in a column of numbers"),
                           ("", "no value"), ("-5", "a negative count"), ("inf", "without end"), ("12,5", "a decimal comma")):  # fmt: skip
            yield Mutation("form", why, file, a_cell(file, name, value))
        yield Mutation("form", "a field of 200 kB", file, a_cell(file, name, "x" * 200_000))
    for file in (CODES, CENSUS, PLACES, PUBLISHED, PCODES):
        yield Mutation("form", "a byte order mark alone", file, text(file, lambda data, rng: b"\xef\xbb\xbf"))
        yield Mutation("form", "UTF-16", file, text(file, lambda data, rng: data.decode().encode("utf-16")))
        yield Mutation("form", "Latin-1", file, text(file, changes.latin))
        yield Mutation("form", "blanks alone", file, text(file, lambda data, rng: b" \n\n  \n"))
        yield Mutation("form", "the header alone", file, table(file, lambda rows, rng: rows[:1]))
        yield Mutation("form", "a short row", file, table(file, changes.ragged))
        yield Mutation("form", "the header again among the rows", file, table(file, changes.header_again))
        yield Mutation("form", "semicolons and decimal commas", file, text(file, changes.semicolons))
        yield Mutation("form", "rows of titles", file, text(file, lambda data, rng: b"Table 5\nAs of today\n" + data))
        yield Mutation("form", "zero bytes", file, text(file, lambda data, rng: data + b"\x00" * 9 + b"\n"))
    for file, name in ((CENSUS, "TT_Both"), (DATABASE, "TT_Family"), (PUBLISHED, "MPI"), (CODES, "commune_code")):
        yield Mutation("form", "a column's name stands twice", file, table(file, partial(changes.twice, name=name)))
        yield Mutation("form", "a column is missing", file, table(file, partial(changes.without, name=name)))
    for file, name in ((CODES, "shapeName"), (PLACES, "name")):
        yield Mutation("form", "a stray quote", file, text(file, changes.stray_quote))
        yield Mutation("form", "a control character in a name", file, a_cell(file, name, "Phum\x07 Thmei"))


def _json() -> Iterator[Mutation]:
    for file, key in ((REGISTER, "Total_HHs"), (FLOOD, "flood_hazard_index")):
        for value, why in ((10**30, "an integer beyond 64 bits"), (1e30, "1e30"), (float("nan"), "NaN"), ("many", "text"),
                           ([1, 2], "a list"), ({"a": 1}, "a mapping"), (None, "null"), (-1, "below zero"), (True, "a truth")):  # fmt: skip
            yield Mutation("form", f"{why} for a number", file, records(file, put(key, value)))
        yield Mutation(
            "form", "nested without end", file, text(file, lambda data, rng: b'{"DataList": ' + b"[" * 200_000)
        )
        yield Mutation("form", "nested deep", file, text(file, lambda data, rng: b"[" * 5000 + b"]" * 5000))
        yield Mutation(
            "form", "under another key", file, text(file, lambda data, rng: data.replace(b"DataList", b"Rows"))
        )
        yield Mutation(
            "form", "a list of lists", file, records(file, lambda listed, rng: [list(r.values()) for r in listed])
        )
        yield Mutation("form", "no records", file, text(file, lambda data, rng: b'{"DataList": []}'))


def _geometry() -> Iterator[Mutation]:
    for file in (COMMUNES, PROVINCES):
        for value, why in ((None, "null"), ({"type": "Polygon", "coordinates": []}, "empty"),
                           ({"type": "Point", "coordinates": [104.5, 12.5]}, "a point"),
                           ({"type": "LineString", "coordinates": [[104, 12], [104.2, 12.1]]}, "a line")):  # fmt: skip
            yield Mutation("geometry", f"{why} among polygons", file, shapes(file, put("geometry", value)))
        yield Mutation("geometry", "NaN in a corner", file, shapes(file, changes.not_a_number))
        yield Mutation("geometry", "coordinates as text", file, shapes(file, changes.as_text))
    for file in (COMMUNES, PROVINCES, CITIES, ROADS):
        yield Mutation("geometry", "latitude before longitude", file, moved(file, lambda xy: xy[:, ::-1]))
        yield Mutation("geometry", "another country", file, moved(file, lambda xy: xy + np.array([-60.0, 25.0])))
        yield Mutation("geometry", "metres without saying so", file, moved(file, lambda xy: xy * 111_320))
        yield Mutation("geometry", "degrees called metres", file, moved(file, lambda xy: xy, "EPSG:3857"))
        yield Mutation("geometry", "at 0, 0", file, moved(file, lambda xy: xy * 0 + (xy - xy.mean(axis=0)) * 1e-3))
    for name, other in (("longitude", "latitude"),):
        yield Mutation(
            "geometry",
            "latitude before longitude",
            PLACES,
            table(PLACES, partial(changes.swapped, one=name, other=other)),
        )
        yield Mutation("geometry", "another country", PLACES, each_cell(PLACES, name, lambda v: str(float(v) - 60)))
        yield Mutation("geometry", "at 0, 0", PLACES, table(PLACES, partial(changes.zeros, names=(name, other))))
    yield Mutation(
        "geometry", "a shape twice", COMMUNES, shapes(COMMUNES, lambda f, rng: [*f, f[int(rng.integers(len(f)))]])
    )
    yield Mutation("geometry", "its neighbour's polygon too", COMMUNES, shapes(COMMUNES, changes.neighbours_too))
    yield Mutation("geometry", "no layer with shapes", ROADS, changes.no_shapes)


def _identity() -> Iterator[Mutation]:
    for value, why in ((None, "null"), ("", "blank"), ("S999999", "unknown")):
        yield Mutation(
            "identity", f"{why} id of a shape", COMMUNES, shapes(COMMUNES, partial(changes.shape_id, value=value))
        )
        yield Mutation("identity", f"{why} id in the table of codes", CODES, a_cell(CODES, "shapeID", value or ""))
    yield Mutation("identity", "ids of another edition", COMMUNES,
                   shapes(COMMUNES, every_record(lambda f: f["properties"].update(shapeID="T" + f["properties"]["shapeID"]))))  # fmt: skip
    for file, name in ((CENSUS, "Com_Code"), (DATABASE, "NCDD_CodeC"), (CODES, "commune_code")):
        yield Mutation(
            "identity", "codes of another country", file, each_cell(file, name, lambda v: f"77{int(v):06d}"[:6])
        )
        yield Mutation("identity", "unknown codes", file, a_cell(file, name, "991234"))
        yield Mutation("identity", "no code", file, a_cell(file, name, ""))
        yield Mutation("identity", "a code twice", file, table(file, partial(changes.same_as_another, name=name)))
        yield Mutation("identity", "a larger area's codes", file, table(file, partial(changes.larger, name=name)))
    for file in (CENSUS, DATABASE, CODES, PCODES, DISTRICTS):
        yield Mutation("identity", "cut at a row", file, table(file, partial(cut, header=1)))
    for file in (REGISTER, FLOOD):
        key = "Adm3_text" if file == REGISTER else "commune"
        yield Mutation("identity", "cut at a record", file, records(file, cut))
        yield Mutation(
            "identity",
            "codes of another country",
            file,
            records(file, every_record(lambda r, key=key: r.update({key: "77" + r[key][2:]}))),
        )
        yield Mutation("identity", "unknown codes", file, records(file, put(key, "991234")))
        yield Mutation("identity", "no code", file, records(file, put(key, None)))
        yield Mutation(
            "identity", "a larger area's codes", file, records(file, partial(changes.larger_records, key=key))
        )
    yield Mutation("identity", "half of its shapes", COMMUNES, shapes(COMMUNES, cut))
    for share, why in ((0.5, "half"), (1.0, "all but one")):
        yield Mutation(
            "identity",
            f"{why} of its rows set aside",
            VILLAGES_2010,
            table(VILLAGES_2010, partial(changes.set_aside, share=share)),
        )
    yield Mutation("identity", "another kind of area's file", CENSUS,
                   lambda folder, rng: (folder / CENSUS).write_bytes((folder / DISTRICTS).read_bytes()))  # fmt: skip


def _units() -> Iterator[Mutation]:
    yield Mutation(
        "unit", "rates in percent", VILLAGES_2010, each_cell(VILLAGES_2010, "TOT_Per_HH", lambda v: str(float(v) * 100))
    )
    yield Mutation(
        "unit",
        "percent as a share",
        DATABASE,
        each_cell(DATABASE, "Per_HH_El", lambda v: str(round(float(v) / 100, 4))),
    )
    yield Mutation("unit", "above a hundred percent", DATABASE, a_cell(DATABASE, "Per_HH_El", "140"))
    yield Mutation("unit", "decimal commas", DATABASE, each_cell(DATABASE, "Per_HH_El", lambda v: v.replace(".", ",")))
    yield Mutation("unit", "in thousands", CENSUS, each_cell(CENSUS, "TT_Both", lambda v: str(int(int(v) / 1000))))
    yield Mutation("unit", "a thousandfold", CENSUS, each_cell(CENSUS, "TT_Both", lambda v: v + "000"))
    yield Mutation("unit", "parts that do not add up", REGISTER, records(REGISTER, changes.parts))
    yield Mutation("unit", "more listed than there are", REGISTER, records(REGISTER, put("Total_Poor_12_HHs", 10**6)))
    yield Mutation("unit", "households in thousands", REGISTER, records(REGISTER, every_record(changes.thousands)))
    yield Mutation("unit", "above its scale", FLOOD, records(FLOOD, put("flood_hazard_index", 140)))
    for name in ("Headcount Ratio", "Intensity of Deprivation", "Vulnerable to Poverty", "In Severe Poverty"):
        yield Mutation(
            "unit", f"{name} as a share", PUBLISHED, each_cell(PUBLISHED, name, lambda v: f"{float(v) / 100:.5f}")
        )
        yield Mutation(
            "unit", f"{name} with a decimal comma", PUBLISHED, each_cell(PUBLISHED, name, lambda v: v.replace(".", ","))
        )
    yield Mutation("unit", "MPI in percent", PUBLISHED, each_cell(PUBLISHED, "MPI", lambda v: str(float(v) * 100)))
    yield Mutation("unit", "MPI a thousandfold", PUBLISHED, each_cell(PUBLISHED, "MPI", lambda v: str(float(v) * 2.5)))


def _published() -> Iterator[Mutation]:
    for value, why in (("", "no date"), ("2099-01-01 00:00:00+00:00", "a date to come"), ("soon", "no date but text")):
        yield Mutation("published", why, PUBLISHED, each_cell(PUBLISHED, "Start Date", lambda v, value=value: value))
        yield Mutation("published", f"{why} in a row", PUBLISHED, a_cell(PUBLISHED, "Start Date", value))
    yield Mutation("published", "no P-code", PUBLISHED, table(PUBLISHED, changes.no_pcode))
    yield Mutation("published", "a P-code of no area", PUBLISHED, table(PUBLISHED, partial(changes.pcode, code="KH99")))
    yield Mutation(
        "published", "another region's P-code", PUBLISHED, table(PUBLISHED, partial(changes.pcode, code=None))
    )
    yield Mutation("published", "the country's row alone", PUBLISHED, table(PUBLISHED, changes.country_alone))
    yield Mutation("published", "a region lost", PUBLISHED, table(PUBLISHED, changes.region_lost))
    yield Mutation("published", "a region lost in every sheet", SUBNATIONAL, book(SUBNATIONAL, changes.region_missing))
    # one region under another name is still placed by its P-code, rightly: published/test_regions.py
    yield Mutation("published", "names of regions exchanged", PUBLISHED, table(PUBLISHED, changes.names_exchanged))
    yield Mutation("published", "not a number", PUBLISHED, a_cell(PUBLISHED, "Headcount Ratio", "22.1*"))
    yield Mutation(
        "published", "another country's rows", PUBLISHED, each_cell(PUBLISHED, "Country ISO3", lambda v: "LAO")
    )
    for file in (SUBNATIONAL, NATIONAL):
        for value, why in (("22.1*", "a note at a figure"), ("=B2*2", "a formula without value"), ("16.6", "a number as text"),
                           (None, "an empty cell"), (-3.0, "below zero"), (640.0, "a share far above all")):  # fmt: skip
            yield Mutation("published", why, file, book(file, partial(changes.figure, value=value)))
        yield Mutation(
            "published", "a sheet missing", file, book(file, lambda b, rng: b.remove(changes.sheet_of(b, rng)))
        )
        yield Mutation("published", "a row missing in one sheet", file, book(file, changes.row_missing))
        yield Mutation("published", "headcounts as shares", file, book(file, changes.shares))
    yield Mutation("published", "a column inserted", SUBNATIONAL, book(SUBNATIONAL, changes.column_inserted))
    yield Mutation(
        "published", "a region renamed", SUBNATIONAL, book(SUBNATIONAL, partial(changes.renamed, everywhere=True))
    )
    yield Mutation(
        "published",
        "a region renamed in one sheet",
        SUBNATIONAL,
        book(SUBNATIONAL, partial(changes.renamed, everywhere=False)),
    )


def _rasters() -> Iterator[Mutation]:
    for file in (FRICTION, NDVI, DENSITY):
        yield Mutation("raster", "mirrored", file, raster(file, changes.mirrored))
        yield Mutation("raster", "rotated", file, raster(file, changes.rotated))
        yield Mutation("raster", "without a CRS", file, raster(file, lambda v, rng: (v[0], v[1] | {"crs": None})))
        yield Mutation(
            "raster",
            "a CRS of metres for degrees",
            file,
            raster(file, lambda v, rng: (v[0], v[1] | {"crs": "EPSG:3857"})),
        )
        yield Mutation("raster", "nothing valid", file, raster(file, lambda v, rng: (np.full_like(v[0], -9999), v[1])))
        yield Mutation("raster", "no value not said", file, raster(file, changes.silent_nodata))
        yield Mutation("raster", "values of no size", file, raster(file, lambda v, rng: (v[0] * np.float32(1e6), v[1])))
        yield Mutation(
            "raster", "another country", file, raster(file, partial(changes.shifted, east=-60.0, north=25.0))
        )
        yield Mutation("raster", "latitude before longitude", file, raster(file, changes.transposed))
        yield Mutation("raster", "a virtual dataset", file, partial(changes.virtual, file=file))
    yield Mutation(
        "raster",
        "codes above the range",
        NDVI,
        raster(NDVI, lambda v, rng: (np.where(rng.random(v[0].shape) < 0.1, np.float32(255), v[0]), v[1])),
    )


def _surveys() -> Iterator[Mutation]:
    for suffix in (".csv", ".dta", ".sav", ".parquet"):
        made = partial(Mutation, "survey", file=f"{WAVE}/h{suffix}")
        of = partial(partial, changes.a_wave, suffix=suffix)
        yield made(
            name=f"cut short ({suffix})",
            change=partial(
                changes.a_wave,
                suffix=suffix,
                after=text(f"{WAVE}/h{suffix}", partial(changes.within_a_row, suffix=suffix)),
            ),
        )
        yield made(
            name=f"random bytes ({suffix})",
            change=partial(
                changes.a_wave, suffix=suffix, after=text(f"{WAVE}/h{suffix}", lambda d, rng: rng.bytes(3000))
            ),
        )
        yield made(
            name=f"codes that nothing lists ({suffix})",
            change=of(change=lambda f, rng: f.assign(electricity=rng.choice([1, 2, 9], len(f)))),
        )
        yield made(name=f"a household twice ({suffix})", change=of(change=lambda f, rng: pd.concat([f, f.iloc[:1]])))
        yield made(
            name=f"no weight ({suffix})",
            change=of(change=lambda f, rng: f.assign(w=np.where(f.index == 3, np.nan, f["w"]))),
        )
        yield made(
            name=f"a weight below zero ({suffix})",
            change=of(change=lambda f, rng: f.assign(w=np.where(f.index == 3, -1.0, f["w"]))),
        )
        yield made(name=f"all weights zero ({suffix})", change=of(change=lambda f, rng: f.assign(w=0.0)))
        yield made(
            name=f"areas of another country ({suffix})",
            change=of(change=lambda f, rng: f.assign(area="77" + f["area"].str[2:])),
        )
        yield made(
            name=f"a household of nobody ({suffix})",
            change=of(change=lambda f, rng: f.assign(size=np.where(f.index == 5, 0.0, f["size"]))),
        )
        yield made(
            name=f"a column missing ({suffix})",
            change=of(change=lambda f, rng: f.drop(columns=str(rng.choice(["w", "psu", "area"])))),
        )
    yield Mutation(
        "survey",
        "a survey.yaml that is none",
        f"{WAVE}/survey.yaml",
        partial(changes.a_wave, suffix=".csv", after=text(f"{WAVE}/survey.yaml", lambda d, rng: b"title: [")),
    )
    yield Mutation(
        "survey",
        "aliases without end",
        f"{WAVE}/survey.yaml",
        partial(changes.a_wave, suffix=".csv", after=text(f"{WAVE}/survey.yaml", lambda d, rng: _BOMB)),
    )
    yield Mutation(
        "survey",
        "a tag",
        f"{WAVE}/survey.yaml",
        partial(
            changes.a_wave,
            suffix=".csv",
            after=text(f"{WAVE}/survey.yaml", lambda d, rng: d + b"\nnote: !!python/object/apply:os.system [ls]\n"),
        ),
    )
    yield Mutation(
        "survey",
        "a file out of the folder",
        f"{WAVE}/survey.yaml",
        partial(
            changes.a_wave,
            suffix=".csv",
            after=text(f"{WAVE}/survey.yaml", lambda d, rng: d.replace(b"file: h.csv", b"file: ../../registers/x.csv")),
        ),
    )
    yield Mutation(
        "survey",
        "one of two codes",
        f"{WAVE}/survey.yaml",
        partial(
            changes.a_wave,
            suffix=".csv",
            after=text(f"{WAVE}/survey.yaml", lambda d, rng: d + b"values: {deprived: yes}\n"),
        ),
    )


_BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n".encode() for a, b in zip("abcdefghi", "bcdefghij", strict=True)
)
