"""What a release says of itself to people: README, citation, licence.

Belongs here: their words, from the published file and the country's pack. Does not belong here: files of data (``release``), or the rule by
which a licence follows (``pack.licences``).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import yaml

from poverty_assets.pack.country import Country
from poverty_assets.pack.licences import Terms, terms_of
from poverty_assets.warehouse.opening import column_or_null

MARK = "SIMULATED DATA: every figure is invented; do not quote"


@dataclass(frozen=True)
class Papers:
    """What is said of a release.

    Attributes
    ----------
    is_simulated : bool
    terms : Terms
    files : dict of str to str
        Text of each file for people.
    package : dict
        What ``datapackage.json`` says of the whole.
    """

    is_simulated: bool
    terms: Terms
    files: dict[str, str]
    package: dict[str, Any]


@dataclass(frozen=True)
class _Build:
    """What the published file says of itself."""

    code_version: str
    schema_version: int | None
    digest: str
    is_simulated: bool
    built_at: dt.datetime
    quarters: tuple[str, ...]

    @property
    def version(self) -> str:
        """The last quarter, and the beginning of the lake's digest: two releases of the same data have one version."""
        return f"{self.quarters[-1]}+{self.digest[:8]}"


_BUILD = ("code_version", "schema_version", "digest", "is_simulated", "built_at")


@dataclass(frozen=True)
class _Source:
    """A source of the file, as it was last used."""

    source_id: str
    title: str
    publisher: str
    url: str
    licence: str
    first: dt.date
    last: dt.date


def read_papers(connection: Any, country: Country) -> Papers:
    """What there is to say of an open published file of a country."""
    form = column_or_null(connection, "meta_build", "schema_version")
    row = connection.execute(
        f"SELECT code_version, {form}, lake_digest, is_simulated, built_at FROM meta_build"
    ).fetchone()
    labels = tuple(one[0] for one in connection.execute("SELECT label FROM dim_quarter ORDER BY quarter").fetchall())
    build = _Build(**dict(zip(_BUILD, row, strict=True)), quarters=labels)
    sources = [
        _Source(*one)
        for one in connection.execute(
            """SELECT source_id, arg_max(title, quarter), arg_max(publisher, quarter), arg_max(url, quarter), arg_max(licence, quarter),
                      min(observed_from), max(observed_to) FROM meta_source WHERE sha256 IS NOT NULL GROUP BY 1 ORDER BY 1"""
        ).fetchall()
    ]
    licences = connection.execute(
        "SELECT DISTINCT source_id, licence FROM meta_source WHERE sha256 IS NOT NULL ORDER BY 1, 2"
    ).fetchall()
    of_source: dict[str, list[str]] = {}
    for source, text in licences:
        of_source.setdefault(source, []).append(text)
    texts = {
        name if i == 0 else f"{name} ({i + 1})": text for name, held in of_source.items() for i, text in enumerate(held)
    }
    terms = terms_of(texts)
    files = {
        "README.md": _readme(country, build, terms),
        "CITATION.cff": _citation(country, build, sources, terms),
        "LICENSE.txt": _licence(build, sources, terms),
    }
    return Papers(build.is_simulated, terms, files, _package(country, build, sources, terms))


def _title(country: Country, build: _Build) -> str:
    named = country.citation.title or f"Multidimensional deprivation by area and quarter: {country.name_en}"
    return f"{named} (SIMULATED DATA)" if build.is_simulated else named


def _readme(country: Country, build: _Build, terms: Terms) -> str:
    stamp = f"**{MARK}.**\n\n" if build.is_simulated else ""
    return f"""# {_title(country, build)}

{stamp}Quarters: {", ".join(build.quarters)}. Version {build.version}, form {build.schema_version or "not numbered"} (`schema_version`),
made by poverty_assets {build.code_version}, {build.built_at:%Y-%m-%d %H:%M} UTC.

- `data/`: every table and view as Parquet, one file each. Begin with `v_figure` (every figure under one key: quarter, area, measure,
  subgroup, figure; as a share and as people) and `v_area` (names of areas and of those that hold them).
- `maps/`: one wide row an area of the latest quarter with its boundary (EPSG:4326), a GeoParquet file a level with a style for QGIS
  beside it, and all levels in `areas.gpkg`, which QGIS opens with the style.
- `text/`: dimensions and the latest quarter as CSV (UTF-8). Read codes of areas as text, or their zeros are lost.
- `codebook.md`, `codebook.csv`: what every column means, with type, unit and key.
- `datapackage.json`: the same for programs (Data Package 2.0).
- `CITATION.cff`: how to cite it. `LICENSE.txt`: {_in_a_word(terms)}.

Shares run from 0 to 1. `is_headline` marks the one row of a figure to quote; `method` is its evidence; `ci_low` and `ci_high` bound its 95%
interval; `suppressed` figures are withheld to protect respondents and are empty.

To see that nothing is lost or changed: `sha256sum -c SHA256SUMS` in this folder.
"""


def _in_a_word(terms: Terms) -> str:
    return terms.licence.name if terms.licence is not None else "not to be redistributed, and why"


def _citation(country: Country, build: _Build, sources: list[_Source], terms: Terms) -> str:
    """Citation File Format 1.2."""
    cited = country.citation
    said: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": MARK
        if build.is_simulated
        else "If you use these figures, please cite them, and the sources that they rest on.",
        "type": "dataset",
        "title": _title(country, build),
        "authors": [{"name": name} for name in cited.authors],
        "version": build.version,
        "date-released": build.built_at.date(),
    }
    said |= {key: value for key, value in (("url", cited.url), ("doi", cited.doi)) if value}
    if terms.licence is not None and terms.licence.spdx:
        said["license"] = terms.licence.spdx
    said["references"] = [
        {
            "type": "data", "title": one.title, "authors": [{"name": one.publisher}], "url": one.url,
            "notes": f"Observed {one.first} to {one.last}. Licence: {one.licence}.",
        }
        for one in sources
    ]  # fmt: skip
    return yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)


def _licence(build: _Build, sources: list[_Source], terms: Terms) -> str:
    stamp = f"{MARK}.\n\n" if build.is_simulated else ""
    if terms.licence is None:
        first = f"NOT TO BE REDISTRIBUTED.\n\nWhy: {terms.reason}."
    else:
        address = f"\n{terms.licence.url}" if terms.licence.url else ""
        spdx = f" (SPDX: {terms.licence.spdx})" if terms.licence.spdx else ""
        first = f"{terms.licence.name}{spdx}{address}\n\nWhy: {terms.reason}."
    listed = "\n".join(f"- {one.source_id}: {one.title}. {one.publisher}. {one.licence}. {one.url}" for one in sources)
    return f"""{stamp}{first}

The licence follows from those of the sources that the figures rest on: the one that asks most decides. A source whose licence is not
known, or two that cannot both be met, and nothing is redistributed. No household's answers are in this release.

Sources and their licences:

{listed}
"""


def _package(country: Country, build: _Build, sources: list[_Source], terms: Terms) -> dict[str, Any]:
    licence = terms.licence
    licences = []
    if licence is not None:
        named = {"name": licence.spdx, "path": licence.url, "title": licence.name}
        licences = [{key: value for key, value in named.items() if value}]
    return {
        "name": f"poverty-assets-{country.country_id}",
        "title": _title(country, build),
        "description": MARK
        if build.is_simulated
        else "Multidimensional deprivation with the uncertainty of every figure",
        "version": build.version,
        "created": f"{build.built_at:%Y-%m-%dT%H:%M:%SZ}",
        "schema_version": build.schema_version,
        "is_simulated": build.is_simulated,
        "quarters": list(build.quarters),
        **({"licenses": licences} if licences else {"redistribution": terms.reason}),
        "contributors": [{"title": name, "roles": ["author"]} for name in country.citation.authors],
        "sources": [{"title": one.title, "path": one.url, "licence": one.licence} for one in sources],
    }
