"""The lake as Dagster's IO manager: an asset returns a frame, the next one receives it.

Belongs here: handing frames to and from ``warehouse.lake`` and telling the UI what was written. Does not belong here: how
a partition is written.
"""

import logging
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pandas as pd

from poverty_assets.catalog import INNER_TABLES, TABLES, table
from poverty_assets.quarter import Quarter
from poverty_assets.sources.readers import Observation
from poverty_assets.warehouse.lake import Lake

EVIDENCE = ("direct", "area", "published")
"""How names of tables begin whose rows a fact table takes over."""
LOG = logging.getLogger("poverty_assets")


def frame_schema(name: str, frame: pd.DataFrame) -> dg.TableSchema:
    """Columns of a frame as the UI shows them; what a column means comes from the catalog, by table or else by name."""
    tables = [one.as_in(map(str, frame.columns)) for one in (*TABLES, *INNER_TABLES)]
    described = {column.name: column.comment for t in tables for column in t.columns}
    described |= {column.name: column.comment for t in tables if t.name == name for column in t.columns}
    return dg.TableSchema(
        columns=[
            dg.TableColumn(name=str(c), type=str(frame[c].dtype), description=described.get(str(c)))
            for c in frame.columns
        ]
    )


def column_lineage(key: dg.AssetKey) -> dg.TableColumnLineage | None:
    """From which columns those of a fact table are taken over: the same ones of the tables of each evidence; None of others."""
    begins, _, subject = key.path[-1].partition("_")
    if begins != "fct":
        return None
    named = [f"{evidence}_{subject}" for evidence in EVIDENCE]
    columns = {name: _columns_of(name) for name in (key.path[-1], *named)}
    parts = [name for name in named if columns[name]]
    of_columns = {
        column: [
            dg.TableColumnDep(dg.AssetKey([*key.path[:-1], part]), column) for part in parts if column in columns[part]
        ]
        for column in columns[key.path[-1]]
    }
    known = {column: deps for column, deps in of_columns.items() if deps}
    return dg.TableColumnLineage(known) if known else None


def _columns_of(name: str) -> list[str]:
    try:
        return [column.name for column in table(name).columns]
    except KeyError:
        return []


@dataclass(frozen=True)
class KeptPartition:
    """A partition of the lake, handed on by its name: it is read by who needs its rows."""

    name: str
    quarter: Quarter


def keep(lake: Lake, name: str, quarter: Quarter, made: Any) -> dict[str, Any]:
    """Write a partition whole, with what is noted of it; returns what the UI shows of it.

    Parameters
    ----------
    made : DataFrame or Observation
        Rows alone have no notes: those of an earlier run are taken back.
    """
    frame, noted = (made.frame, made.metadata) if isinstance(made, Observation) else (made, None)
    if noted is None:
        for path in lake.noted_files(name, quarter):
            lake.shelf.remove(path)
    if isinstance(made, Observation) and made.raster is not None:
        path, frame = lake.write_raster(name, quarter, made.raster, made.metadata)
        rows = made.raster.shape[0]
    else:
        path, rows = lake.write(name, quarter, frame, noted), len(frame)
    LOG.info("%s %s %s rows", quarter, name, f"{rows:,}")
    return {
        "dagster/row_count": rows,
        "dagster/column_schema": frame_schema(name, frame),
        "bytes": path.stat().st_size,
        "file": dg.MetadataValue.path(str(path)),
    }


class LakeIOManager(dg.ConfigurableIOManager):
    """Hands partitions of the lake from asset to asset: written as Parquet files of their quarter, read where rows are needed."""

    lake: dg.ResourceDependency[Lake]

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Write the partition, unless its step has; report rows, bytes and file."""
        quarter = Quarter.from_key(context.partition_key)
        if not isinstance(obj, KeptPartition):
            context.add_output_metadata(keep(self.lake, context.asset_key.path[-1], quarter, obj))
        lineage = column_lineage(context.asset_key)
        if lineage is not None:
            context.add_output_metadata({"dagster/column_lineage": lineage})

    def load_input(self, context: dg.InputContext) -> KeptPartition:
        """The partition that the run is about."""
        return KeptPartition(context.asset_key.path[-1], Quarter.from_key(context.partition_key))
