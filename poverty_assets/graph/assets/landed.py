"""What lands: an asset for the landing of each source, with its own partitions, freshness and observations, in homes of real data.

Belongs here: the assets of the groups ``landing_...``, the job that fetches for a quarter, and the one that asks how sources stand. Does
not belong here: fetching (``poverty_assets.fetching``), when a quarter wants it (``intake.due``), or reading what landed (``sources``): a
refresh reads the folder and opens no connection.

What is fetched can be made from here, a period at a time. What people put there by hand is an external asset: a file that was accepted is
reported as made of it.
"""

import datetime as dt
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from poverty_assets.errors import FetchFailed
from poverty_assets.graph.assets.describe import OWNERS, source_table, source_tags
from poverty_assets.graph.assets.recipe import Pack
from poverty_assets.graph.partitions import quarter_of, yearly
from poverty_assets.graph.resources import Home
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter

BY_HAND = "landing_by_hand"
GROUPS = (BY_HAND, "landing_once", "landing_year", "landing_quarter")
"""Their groups: what is put there by hand, and what is fetched, by its cadence."""
PREFIX = "landed"
FETCH = "fetch"
ASK = "ask_sources"
_PERIOD = {"quarter": 92, "year": 366}
_GRACE_DAYS = 14
"""Days beyond its period and its lag after which a source is no more fresh."""
_VERSION = "dagster/data_version"
_CAME = ("fetched", "revised", "unchanged")


def key_of(spec: SourceSpec, location: str | None = None) -> dg.AssetKey:
    """Key of a source's landing."""
    return dg.AssetKey([*([location] if location else []), PREFIX, spec.source_id])


def build(pack: Pack) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The landing of every source that comes into the landing folder."""
    landing = [spec for spec in pack.specs if spec.package is None]
    return [_external(spec, pack) if spec.fetch is None else landed_asset(spec, pack) for spec in landing]


def upstream(spec: SourceSpec, pack: Pack) -> list[dg.AssetDep]:
    """What the asset that reads a source lies downstream of."""
    if pack.simulated or spec.package is not None:
        return []
    if spec.cadence != "year":
        return [dg.AssetDep(key_of(spec))]
    with warnings.catch_warnings():
        # that a year need not be over is a beta of Dagster's; that one warning would come at each start
        warnings.filterwarnings("ignore", message=".*allow_nonexistent_upstream", category=dg.BetaWarning)
        # a quarter sees its own year at the earliest when that is over, and else the one before
        year = dg.TimeWindowPartitionMapping(start_offset=-4, allow_nonexistent_upstream_partitions=True)
    return [dg.AssetDep(key_of(spec), partition_mapping=year)]


def landed_asset(spec: SourceSpec, pack: Pack) -> dg.AssetsDefinition:
    """The landing of a source that is fetched."""

    @dg.asset(
        name=spec.source_id,
        key_prefix=PREFIX,
        group_name=_group(spec),
        partitions_def=_partitions(spec, pack),
        kinds={"python", spec.fetch.client if spec.fetch else "", spec.reader},
        **_said(spec),
    )
    def landed(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult:
        from poverty_assets.fetching.asked import fetching

        with fetching(home.settings, home.country) as work:
            ((wanted, told),) = work.each([spec], [_quarter_of(context, spec, home)])
        if told.state not in _CAME:
            raise FetchFailed(f"{told.title}: {told.words}")
        noted = noted_of(wanted, told)
        return dg.MaterializeResult(metadata=noted, data_version=dg.DataVersion(str(noted["sha256"])))

    return landed


def _external(spec: SourceSpec, pack: Pack) -> dg.AssetSpec:
    """The landing of a source that people put there."""
    return dg.AssetSpec(
        key_of(spec),
        group_name=_group(spec),
        partitions_def=_partitions(spec, pack),
        kinds={spec.reader},
        **_said(spec),
    )


def _group(spec: SourceSpec) -> str:
    return BY_HAND if spec.fetch is None else f"landing_{spec.cadence}"


def _said(spec: SourceSpec) -> dict[str, Any]:
    by = "Fetched from its publisher" if spec.fetch is not None else "Put there by hand"
    lag = f", expected {spec.fetch.lag_days} days after its period" if spec.fetch is not None else ""
    said = f"**{spec.title}**, as it lands: `{spec.path}`. {by}; cadence: {spec.cadence}{lag}. {spec.obtain}"
    return {
        "description": said,
        "owners": OWNERS,
        "tags": source_tags(spec),
        "metadata": {"sources": source_table([spec])},
        "freshness_policy": _fresh(spec),
    }


def _fresh(spec: SourceSpec) -> dg.FreshnessPolicy | None:
    """A period, the lag and a fortnight after it came, the next one should be there; what comes once is always fresh."""
    if spec.cadence == "once":
        return None
    after = _due_after(spec)
    return dg.FreshnessPolicy.time_window(
        fail_window=dt.timedelta(after + _GRACE_DAYS), warn_window=dt.timedelta(after)
    )


def _due_after(spec: SourceSpec) -> int:
    """Days from one period's file to the next one's."""
    return _PERIOD[spec.cadence] + (spec.fetch.lag_days if spec.fetch is not None else 0)


def _partitions(spec: SourceSpec, pack: Pack) -> dg.PartitionsDefinition | None:
    if spec.cadence == "once":
        return None
    if spec.cadence == "quarter":
        return pack.partitions
    first = Quarter.from_label(pack.country.first_quarter).year - 1
    return yearly(max(first, spec.observed_from.year) if spec.observed_from else first)


def _quarter_of(context: dg.AssetExecutionContext, spec: SourceSpec, home: Home) -> Quarter:
    """A quarter that sees the period of a run."""
    from poverty_assets.fetching.asked import quarter_of_year

    if spec.cadence == "quarter":
        return quarter_of(context)
    if spec.cadence == "once":
        return Quarter.latest_complete(dt.datetime.now(dt.UTC).date())
    return quarter_of_year(spec, int(context.partition_key), home.landing, home.country)


def period_of(wanted: Any) -> str | None:
    """The partition that an order is of."""
    return {"quarter": wanted.release.quarter.key, "year": str(wanted.release.observed_to.year)}.get(
        wanted.spec.cadence
    )


def arrived(one: Any, spec: SourceSpec, location: str | None) -> dg.AssetMaterialization | dg.AssetObservation:
    """What is reported of a file's landing once it was judged: that it is there, or that it was refused."""
    last = dt.date.fromisoformat(one.observed_to)
    period = {"quarter": Quarter.containing(last).key, "year": str(last.year)}.get(spec.cadence)
    noted = {"state": one.verdict, "file": one.file, "sha256": one.sha256, "rows": one.rows, "licence": one.licence}
    key = key_of(spec, location)
    if one.verdict == "refused" or (one.first_look and _is_overdue(spec, last, one.at)):
        return dg.AssetObservation(key, metadata=noted | {"said": one.said or "it was there"}, partition=period)
    return dg.AssetMaterialization(key, metadata=noted, partition=period, tags={_VERSION: one.sha256})


def _is_overdue(spec: SourceSpec, last: dt.date, at: str) -> bool:
    """Whether the next file was due when one of a period that ended on ``last`` was judged: that it was there makes nothing fresh."""
    return (
        spec.cadence != "once" and (dt.datetime.fromisoformat(at).date() - last).days > _due_after(spec) + _GRACE_DAYS
    )


def noted_of(wanted: Any, told: Any) -> dict[str, Any]:
    """What is noted of a file that landed, or did not."""
    from poverty_assets.sources.landed import read_record

    noted: dict[str, Any] = {"state": told.state, "said": told.words.splitlines()[0], "bytes moved": told.moved}
    noted["period"] = f"{wanted.release.observed_from} to {wanted.release.observed_to}"
    noted["file"] = wanted.release.file(wanted.release.landing)
    record = read_record(wanted.release.path)
    if record is not None:
        known = {"release": record.release, "sha256": record.sha256, "bytes": record.size, "licence": record.licence}
        noted |= {name: value for name, value in known.items() if value is not None}
        noted["address"] = dg.MetadataValue.url(record.url)
    return noted


def jobs(quarters: dg.PartitionsDefinition, location: str | None, tags: Mapping[str, str]) -> list[Any]:
    """The job that fetches for a quarter, and the one that asks how every source stands to it."""

    def of(name: str, op: Any, description: str) -> dg.JobDefinition:
        graph = dg.GraphDefinition(name, node_defs=[op])
        return graph.to_job(name, description=description, tags=dict(tags), partitions_def=quarters)

    fetches = "Fetches open sources into the landing folder: what fetch_when_due runs where the home fetches."
    asks = "Observes every source: present, stale or missing, and whether its publisher has something newer."
    return [of(FETCH, _fetching(location), fetches), of(ASK, _asking(location), asks)]


def _fetching(location: str | None) -> dg.OpDefinition:
    @dg.op(description="Fetches what the quarter wants, and what the earlier quarters want that its models learn from.")
    def fetch_for_quarter(context: dg.OpExecutionContext, home: Home) -> None:
        from poverty_assets.fetching.asked import fetching
        from poverty_assets.fetching.fetch import failures
        from poverty_assets.fetching.orders import fetched_unasked, with_census, with_earlier

        told, specs = [], fetched_unasked(home.specs)
        with fetching(home.settings, home.country) as work:
            for spec in specs:
                quarters = with_census(
                    spec, with_earlier(home.specs, [quarter_of(context)]), home.landing, home.country
                )
                for wanted, one in work.each([spec], quarters):
                    context.log.info(one.line)
                    if wanted is not None:
                        context.log_event(_event(wanted, one, location))
                    told.append(one)
        failed = failures(told)
        if failed is not None:
            raise failed

    return fetch_for_quarter


def _asking(location: str | None) -> dg.OpDefinition:
    @dg.op(
        description="Asks how sources stand to the quarter; publishers only where the home fetches. Fetches nothing."
    )
    def ask_of_sources(context: dg.OpExecutionContext, home: Home) -> None:
        from poverty_assets.fetching.asked import fetching

        quarter = quarter_of(context)
        for one in home.standings(quarter):
            noted = {
                "state": one.state,
                "said": one.line,
                "quarter": quarter.label,
                "expected": str(one.expected or ""),
            }
            context.log_event(dg.AssetObservation(key_of(home.sources[one.source_id], location), metadata=noted))
        if not home.fetched:
            return
        with fetching(home.settings, home.country) as work:
            for wanted, told in work.each(home.fetched, [quarter], dry_run=True):
                if wanted is None:
                    continue
                noted = {"publisher": told.state, "said": told.words.splitlines()[0], "quarter": quarter.label}
                key = key_of(wanted.spec, location)
                context.log_event(dg.AssetObservation(key, metadata=noted, partition=period_of(wanted)))

    return ask_of_sources


def _event(wanted: Any, told: Any, location: str | None) -> dg.AssetMaterialization | dg.AssetObservation:
    key, noted, period = key_of(wanted.spec, location), noted_of(wanted, told), period_of(wanted)
    if told.state not in _CAME:
        return dg.AssetObservation(key, metadata=noted, partition=period)
    tags = {_VERSION: noted["sha256"]}
    return dg.AssetMaterialization(key, metadata=noted, partition=period, tags=tags)
