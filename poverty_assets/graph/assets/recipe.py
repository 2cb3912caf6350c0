"""Assets as plain functions at module level, and the one place where they become Dagster's.

Belongs here: what is said of an asset beside its function, and wiring it for a pack. Does not belong here: any asset.

Two things that Dagster wants to know when a function is decorated are known only when a pack is read: where its partitions begin, and which
sources an asset reads or shows the licences of. So an asset is written as a `Recipe`: a function that can be imported and called alone,
with roles of sources in place of their names. ``wire`` then does what ``dagster.asset`` and ``dagster.multi_asset`` do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from poverty_assets.catalog import TABLES, table
from poverty_assets.graph.assets.describe import OWNERS, column_schema, source_table
from poverty_assets.graph.resources import Home
from poverty_assets.graph.reuse.step import Knows, Statement, Step, nothing_stated
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter


@dataclass(frozen=True)
class Pack:
    """What a country's pack decides of the graph.

    Attributes
    ----------
    specs : list of SourceSpec
    partitions : PartitionsDefinition
        The quarters that it has data for.
    country : Country
    simulated : bool
        Whether the sources are those that the simulated twin writes.
    """

    specs: list[SourceSpec]
    partitions: dg.PartitionsDefinition
    country: Country
    simulated: bool


PUBLISHED = frozenset(one.name for one in TABLES)
"""Tables that the warehouse has."""

Choice = Callable[[Pack], Sequence[SourceSpec]]
"""Some of a pack's sources."""


def none(pack: Pack) -> list[SourceSpec]:
    """No source."""
    return []


def every(pack: Pack) -> list[SourceSpec]:
    """All of them."""
    return pack.specs


def of_role(*roles: str) -> Choice:
    """Those of one of the roles."""
    return lambda pack: [spec for spec in pack.specs if spec.role in roles]


def featured(pack: Pack) -> list[SourceSpec]:
    """Those that features are made of."""
    return [spec for spec in pack.specs if spec.features]


def featured_or(*roles: str) -> Choice:
    """Those that features are made of, and those of one of the roles."""
    return lambda pack: [spec for spec in pack.specs if spec.features or spec.role in roles]


evidence = featured_or("survey", "register", "published")
"""Sources behind estimates."""


@dataclass(frozen=True)
class Said:
    """What is said of one asset beside its function.

    Attributes
    ----------
    group : str
        By default that of the catalog's table.
    of : Choice
        Sources that it shows, with their licences.
    kinds : tuple of str
    description : str
        By default the table's, else the function's docstring.
    metadata : mapping
    freshness : callable, optional
        By when it has to be there, as the pack has it.
    """

    group: str = ""
    of: Choice = none
    kinds: tuple[str, ...] = ("python", "parquet")
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    freshness: Callable[[Pack], dg.FreshnessPolicy] | None = None

    def arguments(self, name: str, pack: Pack) -> dict[str, Any]:
        """Arguments that ``dagster.asset`` and ``dagster.AssetOut`` share."""
        made: dict[str, Any] = {"owners": OWNERS, "kinds": set(self.kinds)}
        made["freshness_policy"] = self.freshness(pack) if self.freshness is not None else None
        made["tags"] = {
            "data": "simulated" if pack.simulated else "real",
            "published": "yes" if name in PUBLISHED else "no",
        }
        metadata: dict[str, Any] = {"sources": source_table(self.of(pack)), **self.metadata}
        if not self.group:
            definition = table(name)
            key = ", ".join(definition.key)
            made["description"] = f"{definition.description}.\n\nOne row per {definition.grain}. Key: {key}."
            metadata = {"dagster/column_schema": column_schema(name, pack.country)} | metadata
        if self.description:
            made["description"] = self.description
        return made | {"group_name": self.group or table(name).group, "metadata": metadata}


@dataclass(frozen=True)
class Again:
    """When what an asset made may serve again.

    Attributes
    ----------
    knows : {"nothing", "what is stated", "quarter"}
        What its function may know of the quarter (``reuse.step.Step``); a function without a context knows nothing.
    states : callable
        What it reads beside the lake and the pack.
    """

    knows: Knows = "quarter"
    states: Callable[[Home, Quarter], Statement] = nothing_stated


@dataclass(frozen=True)
class Recipe:
    """An asset before its pack is known; called, it is its function."""

    function: Callable[..., Any]
    outs: Mapping[str, Said]
    reads: Choice
    deps: tuple[Any, ...] = ()
    partitioned: bool = True
    pool: str | None = None
    checks: Mapping[str, str] = field(default_factory=dict)
    again: Again | None = None

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Call the function, as a test does."""
        return self.function(*inputs, **named)

    @property
    def name(self) -> str:
        """The function's name: that of the asset, or of the step that makes several."""
        return self.function.__name__

    @property
    def step(self) -> Step | None:
        """The step that is made only where it is not there already; None of one that runs every time."""
        if self.again is None or not self.partitioned:
            return None
        function = self.function
        knows = self.again.knows if "context" in inspect.signature(function).parameters else "nothing"
        defined = (function.__module__, function.__name__)
        return Step(self.name, function, defined, tuple(self.outs), knows=knows, states=self.again.states)

    def wire(self, pack: Pack, *, reused: bool = False) -> dg.AssetsDefinition:
        """The asset of Dagster for a pack; where it is to be reused, a step that looks first whether it is there."""
        step = self.step if reused else None
        function = self.function if step is None else step.wired()
        read = [f"src_{spec.source_id}" for spec in self.reads(pack)]
        shared: dict[str, Any] = {"name": self.name, "deps": [*self.deps, *read], "pool": self.pool}
        shared["partitions_def"] = pack.partitions if self.partitioned else None
        version = None if step is None else step.code
        if list(self.outs) == [self.name]:
            shared["code_version"] = version
            if self.checks:
                shared["check_specs"] = [
                    dg.AssetCheckSpec(name, asset=self.name, description=text) for name, text in self.checks.items()
                ]
            return dg.asset(**shared, **self.outs[self.name].arguments(self.name, pack))(function)
        outs = {
            name: dg.AssetOut(code_version=version, **said.arguments(name, pack)) for name, said in self.outs.items()
        }
        return dg.multi_asset(outs=outs, **shared)(function)


KNOWS_ITS_QUARTER = Again()
KNOWS_NO_QUARTER = Again("nothing")
"""Of what reads tables of its own quarter and is not to know which it is: made once for all quarters in which they are the same."""


def asset(
    said: Said | None = None,
    *,
    reads: Choice = none,
    deps: tuple[Any, ...] = (),
    pool: str | None = None,
    partitioned: bool = True,
    checks: Mapping[str, str] | None = None,
    again: Again | None = KNOWS_ITS_QUARTER,
) -> Callable[[Callable[..., Any]], Recipe]:
    """A function that makes one asset of its own name; without a group it is a table of the catalog.

    Parameters
    ----------
    said : Said, optional
    reads : Choice
        Sources whose assets it reads by itself, not as inputs.
    deps : tuple
        Other assets that it reads so.
    pool : str, optional
        Pool of which its step takes a slot.
    partitioned : bool
        Whether there is one a quarter.
    checks : mapping, optional
        Checks of which it brings the results itself, and what each holds.
    again : Again, optional
        When what it made may serve again; None: never.
    """

    def made(function: Callable[..., Any]) -> Recipe:
        outs = {function.__name__: said or Said()}
        return Recipe(function, outs, reads, deps, partitioned, pool, checks or {}, again)

    return made


def assets(
    outs: Mapping[str, Said], *, reads: Choice = none, again: Again | None = KNOWS_ITS_QUARTER
) -> Callable[[Callable[..., Any]], Recipe]:
    """A function that makes several assets in one step."""
    return lambda function: Recipe(function, outs, reads, again=again)
