"""What the UI shows about an asset: columns with units, kinds, owner, sources with licences, a picture.

Belongs here: turning catalog entries and sources into Dagster's metadata. Does not belong here: drawing
(``reports.pictures.drawing``).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.catalog import table
from poverty_assets.pack.source import SourceSpec

OWNERS = ["team:poverty-data"]
SCORES = ("spearman", "spearman_within_province", "found_top20", "rmse", "bias")


def column_schema(name: str) -> dg.TableSchema:
    """Columns of a catalog table as Dagster shows them, with units in the description."""
    definition = table(name)
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


def of_table(
    name: str, sources: Iterable[SourceSpec], partitions: dg.PartitionsDefinition, **extra: Any
) -> dict[str, Any]:
    """Arguments of ``@asset`` for an asset that is a table of the catalog."""
    definition = table(name)
    return {
        "name": name,
        "group_name": definition.group,
        "description": f"{definition.description}.\n\nOne row per {definition.grain}. Key: {', '.join(definition.key)}.",
        "owners": OWNERS,
        "kinds": {"python", "parquet"} | set(extra.pop("kinds", ())),
        "partitions_def": partitions,
        "metadata": {"dagster/column_schema": column_schema(name), "sources": source_table(sources)},
        **extra,
    }


def out_of_table(name: str, sources: Iterable[SourceSpec]) -> dg.AssetOut:
    """The same for one output of a ``@multi_asset``."""
    arguments = of_table(name, sources, dg.StaticPartitionsDefinition(["-"]))
    keep = ("group_name", "description", "owners", "kinds", "metadata")
    return dg.AssetOut(**{key: arguments[key] for key in keep})


def scores_table(metrics: pd.DataFrame, chosen: tuple[str, ...] = SCORES) -> dg.MarkdownMetadataValue:
    """Scores by target, fold design and learner as a table; baselines are learners too."""
    wide = metrics.pivot_table(index=["target", "fold_design", "learner"], columns="metric", values="value", sort=False)
    names = [c for c in chosen if c in wide]
    lines = ["| target | folds | learner | " + " | ".join(names) + " |", "|---" * (len(names) + 3) + "|"]
    for keys, row in wide[names].iterrows():
        cells = ("" if pd.isna(value) else f"{value:.3f}" for value in row)
        lines.append(f"| {' | '.join(map(str, keys))} | " + " | ".join(cells) + " |")
    return dg.MetadataValue.md("\n".join(lines))


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A picture that the UI shows in place."""
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})\n\n{caption}")
