"""What the UI shows about an asset: columns with units, kinds, owner, sources with licences, a picture.

Belongs here: turning catalog entries and sources into Dagster's metadata. Does not belong here: drawing
(``reports.pictures.drawing``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.pack.contract import ColumnContract
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import RasterSource, SourceSpec, TableSource, VectorSource
from poverty_assets.warehouse.local import locale_of

if TYPE_CHECKING:
    from poverty_assets.reports.pictures.drawing import Picture
    from poverty_assets.warehouse.build import Publication

OWNERS = ["team:poverty-data"]
SCORES = ("spearman", "spearman_within_published", "found_top20", "rmse", "bias")


def column_schema(name: str, country: Country) -> dg.TableSchema:
    """Columns of a catalog table as Dagster shows them, with units in the description."""
    definition = table(name).within(locale_of(country))
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=definition.key == (column.name,)
                ),
            )
            for column in definition.columns
        ]
    )


def source_schema(spec: SourceSpec) -> dg.TableSchema:
    """Columns of a source as its entry states them: what each holds, its name in the file, and what its values may be."""
    contracts = spec.columns if isinstance(spec, TableSource) else {}
    if isinstance(spec, VectorSource):
        read = spec.options.columns
        contracts = {
            n: ColumnContract.model_validate({"from": c}) if isinstance(c, str) else c for n, c in read.items()
        }
    key = spec.key if isinstance(spec, TableSource) else spec.options.key if isinstance(spec, VectorSource) else []
    columns = [_source_column(name, contract, tuple(key) == (name,)) for name, contract in contracts.items()]
    if isinstance(spec, VectorSource):
        columns.append(dg.TableColumn("geometry", "geometry", "Shape, as the file has it"))
    if isinstance(spec, RasterSource):
        columns = [dg.TableColumn(name, kind, text) for name, (kind, text) in _OF_CELLS.items()]
    return dg.TableSchema(columns=columns)


_OF_CELLS = {
    "cells": ("bytes", "Values of a row of cells, from the west; a row of this table for each, from the north"),
    "dtype": ("text", "Their type"),
    **{
        side: ("number", f"{side.capitalize()} end of the raster, in units of its crs")
        for side in ("west", "south", "east", "north")
    },
    "crs": ("text", "Its coordinate reference system"),
}


def _source_column(name: str, contract: ColumnContract, unique: bool) -> dg.TableColumn:
    named = [contract.source] if isinstance(contract.source, str) else contract.source
    said = [contract.description] if contract.description else []
    said.append(f"{' or '.join(named)} of the file")
    bounds = {"at least": contract.minimum, "at most": contract.maximum}
    said += [f"{words} {bound:g}" for words, bound in bounds.items() if bound is not None]
    said += ["rows that break this are set aside"] if contract.on_violation == "quarantine" else []
    constraints = dg.TableColumnConstraints(nullable=contract.nullable, unique=unique)
    return dg.TableColumn(name, contract.type, "; ".join(said), constraints)


def source_group(spec: SourceSpec) -> str:
    """Group of a source's asset: by its role, and of the many behind features by their form."""
    if spec.role != "features":
        return f"sources_{spec.role}"
    return "sources_rasters" if isinstance(spec, RasterSource) else "sources_shapes"


def source_tags(spec: SourceSpec) -> dict[str, str]:
    """Tags of a source's assets, by which the UI finds them."""
    return {
        "role": spec.role,
        "cadence": spec.cadence,
        "data": "simulated" if spec.is_simulated else "real",
        "fetched": "yes" if spec.fetch is not None else "no",
    }


def source_table(sources: Iterable[SourceSpec]) -> dg.MarkdownMetadataValue:
    """Sources with publisher, licence and address, as a table."""
    lines = ["| source | publisher | licence | where |", "|---|---|---|---|"]
    lines += [f"| {s.title} | {s.publisher} | {s.licence} | {s.url} |" for s in sources]
    return dg.MetadataValue.md("\n".join(lines))


def scores_table(metrics: pd.DataFrame, chosen: tuple[str, ...] = SCORES) -> dg.MarkdownMetadataValue:
    """Scores by target, fold design and learner as a table, over all areas and of the latest prediction; baselines are learners too."""
    if "as_of_quarter" in metrics:
        metrics = metrics[metrics["as_of_quarter"] == metrics.groupby("target_kind")["as_of_quarter"].transform("max")]
    index = ["target_kind", "target", "fold_design", "area_level", "learner", "feature"]
    wide = metrics[metrics["subgroup"] == "all"].pivot_table(index=index, columns="metric", values="value", sort=False)
    names = [c for c in chosen if c in wide]
    head = "| kind | target | folds | level | learner | feature | "
    lines = [head + " | ".join(names) + " |", "|---" * (len(names) + len(index)) + "|"]
    for keys, row in wide[names].iterrows():
        cells = ("" if pd.isna(value) else f"{value:.3f}" for value in row)
        lines.append(f"| {' | '.join(map(str, keys))} | " + " | ".join(cells) + " |")
    return dg.MetadataValue.md("\n".join(lines))


def shares_table(table: pd.DataFrame, most: int = 26) -> dg.MarkdownMetadataValue:
    """The first rows of a table of shares, as a table."""
    names = " | ".join(map(str, table.columns))
    lines = [f"| {names} |", "|" + "---|" * len(table.columns)]
    for row in table.head(most).itertuples(index=False):
        lines.append("| " + " | ".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in row) + " |")
    return dg.MetadataValue.md("\n".join(lines))


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A picture that the UI shows in place."""
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})\n\n{caption}")


def pictures(shown: Mapping[str, Picture]) -> dict[str, dg.MarkdownMetadataValue]:
    """Pictures by the name under which the UI shows each."""
    return {name: picture(one.png, one.caption) for name, one in shown.items()}


def gate_results(failures: Iterable[tuple[str, str]]) -> Iterator[dg.AssetCheckResult]:
    """What the gate found, as checks of the warehouse: one a kind."""
    from poverty_assets.warehouse.gate import KINDS

    found = list(failures)
    for kind in KINDS:
        failed = [text for of, text in found if of == kind]
        shown = dg.MetadataValue.md("\n".join(f"- {text}" for text in failed[:20]) or "none")
        yield dg.AssetCheckResult(check_name=kind, passed=not failed, metadata={"failed": shown})


def publication_metadata(done: Publication) -> dict[str, Any]:
    """What the UI shows of a publication: quarters, file, rows of each table."""
    rows = "\n".join(f"| {name} | {n:,} |" for name, n in done.rows.items())
    return {
        "dagster/row_count": sum(done.rows.values()),
        "quarters": ", ".join(quarter.label for quarter in done.quarters),
        "kept as published before": ", ".join(quarter.label for quarter in done.kept) or "none",
        "wait for approval": ", ".join(quarter.label for quarter in done.waiting) or "none",
        "file": dg.MetadataValue.path(str(done.path)),
        "rows": dg.MetadataValue.md(f"| table | rows |\n|---|---|\n{rows}"),
    }
