"""Whether the published file is behind the lake, and by which quarters.

Belongs here: holding the digests of the lake's seals against those that the file names. Does not belong here: publishing (``build``),
or deciding when (``graph.sensors``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from poverty_assets.errors import MissingFile, UnreadableFile
from poverty_assets.quarter import Quarter
from poverty_assets.warehouse.lake import SEAL, Lake
from poverty_assets.warehouse.opening import connect


def quarters_behind(lake: Lake, warehouse: Path) -> list[Quarter]:
    """Complete quarters of the lake that the published file does not hold, or holds as they were before.

    A quarter that is half remade is not among them: it cannot be published. A file that nobody can read holds nothing: the next
    publication builds it anew.

    Raises
    ------
    HeldElsewhere
        If another program has the published file open for writing.
    """
    held = published_digests(warehouse)
    changed = [quarter for quarter, digest in sealed_digests(lake).items() if held.get(quarter) != digest]
    return [quarter for quarter in changed if not lake.unsealed(quarter)]


def lake_version(lake: Lake, about_to_be_sealed: Mapping[Quarter, str] | None = None) -> str:
    """One digest over every seal of the lake: it changes with what there is to publish, and with nothing else."""
    sealed = sealed_digests(lake) | dict(about_to_be_sealed or {})
    text = "".join(f"{quarter.key}{digest}" for quarter, digest in sorted(sealed.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def moment_of(lake: Lake, *files: Path) -> str:
    """Times and sizes of the seals and of published files: the same for as long as nobody wrote any of them."""
    seals = [lake.path(SEAL, quarter) for quarter in lake.quarters()]
    states = [(path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in [*seals, *files] if path.is_file()]
    return hashlib.sha256(repr(states).encode()).hexdigest()


def sealed_digests(lake: Lake) -> dict[Quarter, str]:
    """Quarters of the lake whose seal can be read, with its digest; whether their files are those that it names is not looked at."""
    import pyarrow as pa

    found = {}
    for quarter in lake.quarters():
        try:
            found[quarter] = lake.sealed_digest(quarter)
        except (pa.ArrowInvalid, OSError):  # the seal is cut short: nothing of it can be published
            continue
    return found


def published_digests(warehouse: Path) -> dict[Quarter, str]:
    """Quarters of a published file with the digest of the lake's files that each was built from; none where it cannot be read.

    Raises
    ------
    HeldElsewhere
        If another program has it open for writing.
    """
    import duckdb

    try:
        with connect(warehouse) as connection:
            rows = connection.execute("SELECT quarter, lake_digest FROM dim_quarter").fetchall()
    except (MissingFile, UnreadableFile, duckdb.CatalogException, duckdb.BinderException):
        return {}
    return {Quarter.from_key(str(row[0])): row[1] for row in rows}
