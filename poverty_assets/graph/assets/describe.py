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
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec
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
