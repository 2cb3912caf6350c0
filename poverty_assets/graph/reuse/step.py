"""A step of the graph that is made only where it is not there already.

Belongs here: what a step is, whether what it would make is there, making it, and what Dagster is told either way. Does not belong here:
what is read (``watched``), what is kept (``records``), or any asset (``assets``).
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import dagster as dg
import pandas as pd
from dagster._core.definitions.metadata import normalize_metadata
from dagster_shared.serdes import deserialize_value, serialize_value

from poverty_assets.graph.partitions import quarter_of
from poverty_assets.graph.resources.compute import Compute
from poverty_assets.graph.resources.home import FULL, Home
from poverty_assets.graph.resources.lake import KeptPartition, keep
from poverty_assets.graph.reuse.code import code_version, members_of_home
from poverty_assets.graph.reuse.records import Records, StepRecord, in_any_quarter
from poverty_assets.graph.reuse.watched import (
    NO_QUARTER,
    Present,
    WatchedContext,
    WatchedHome,
    digest_of,
    opened,
)
from poverty_assets.measure.measure import SHARED
from poverty_assets.memory import give_back
from poverty_assets.quarter import Quarter

LOG = logging.getLogger("poverty_assets")
REUSED, FROM_RUN, FOR_QUARTER = "reused", "reused_from_run", "reused_from_quarter"
WRITERS = ("poverty_assets.graph.resources.lake", "keep")
_LOCKS = 64
Knows = Literal["nothing", "what is stated", "quarter"]


@dataclass(frozen=True)
class Statement:
    """What a step says that it reads beside the lake and the pack: facts that tell, and files whose digests do."""

    facts: Sequence[str] = ()
    files: Sequence[Path] = ()


def nothing_stated(home: Home, quarter: Quarter) -> Statement:
    """Nothing."""
    return Statement()


@dataclass(frozen=True)
class Step:
    """A step and what has to be known of it for what it makes to be used again.

    Attributes
    ----------
    name : str
    function : callable
        Takes ``context``, ``home``, ``compute`` (who does the work; it gives the same bytes whoever does) and frames, and returns or
        yields what an asset does.
    defined : tuple of str
        Module and name of the definition whose sources are its code; the whole module where the name is empty.
    outputs : tuple of str
        Tables of the lake that it writes.
    extra : callable
        Further files of the lake that it writes, of a home and quarter.
    knows : {"nothing", "what is stated", "quarter"}
        What the step may know of its quarter. Of nothing: it is not told which it is. By what it states: files and facts say all that
        a quarter means to it. Such steps are made once for all quarters in which they would read the same.
    states : callable
    """

    name: str
    function: Callable[..., Any]
    defined: tuple[str, str]
    outputs: tuple[str, ...] = ()
    extra: Callable[[Home, Quarter], Sequence[Path]] = lambda home, quarter: ()
    knows: Knows = "quarter"
    states: Callable[[Home, Quarter], Statement] = nothing_stated

    @property
    def parameters(self) -> list[str]:
        """Names that the function takes."""
        return list(inspect.signature(self.function).parameters)

    @property
    def inputs(self) -> list[str]:
        """Assets that it is handed."""
        return [name for name in self.parameters if name not in ("context", "home", "compute")]

    @property
    def code(self) -> str:
        """Version of the code that makes it, and of what writes it."""
        return code_of(*self.defined)

    def wired(self) -> Callable[..., Iterator[Any]]:
        """The function as Dagster runs it: handed partitions of the lake instead of frames, which are read only if they are needed."""

        def compute(context: Any, home: Any, **given: Any) -> Iterator[Any]:
            yield from _Running(self, context, home, quarter_of(context), given.get("compute")).events()

        def parameter(name: str, annotation: Any = inspect.Parameter.empty) -> inspect.Parameter:
            return inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation)

        workers = [parameter("compute", Compute)] if "compute" in self.parameters else []
        given = [parameter("context"), parameter("home", Home), *workers, *map(parameter, self.inputs)]
        compute.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
        compute.__wrapped__ = inspect.unwrap(self.function)  # type: ignore[attr-defined]
        compute.step = self  # type: ignore[attr-defined]
        compute.__name__, compute.__doc__ = self.name, self.function.__doc__
        return compute


@cache
def code_of(module: str, name: str) -> str:
    """Version of the code of a step that is defined there, and of what writes what it makes."""
    return of_texts(code_version(module, name), code_version(*WRITERS))


@cache
def environment() -> str:
    """Digest of the interpreter and of every library that is installed: some of them change bytes."""
    installed = {path.name for place in sys.path for path in Path(place or ".").glob("*.dist-info")}
    return of_texts(platform.python_version(), platform.machine(), *sorted(installed))


@dataclass
class _Running:
    """One step in one run."""

    step: Step
    context: Any
    home: Home
    quarter: Quarter
    compute: Any = None
    shown: list[dict[str, Any]] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)

    def events(self) -> Iterator[Any]:
        """What Dagster is told: of what is there already, or of what is made now."""
        base = self._base()
        with self._turn(base):
            found = None if FULL in self.context.run.tags else self._found(base)
            if found is None:
                yield from self._made(base)
            else:
                LOG.info("%s %s reused", self.quarter, self.step.name)
                yield from self._again(found)

    # ------------------------------------------------------------------ is it there?
    @property
    def _records(self) -> Records:
        asked = self.home.settings
        return Records(asked.made / self.step.name, self.home.lake, asked.home)

    def _base(self) -> str:
        """Digest of all that is known to stand behind the step before it runs."""
        stated = self.step.states(self.home, self.quarter)
        folders = (self.home.country.folder, SHARED)
        pack = [path.relative_to(of).as_posix() for of in folders for path in sorted(of.rglob("*")) if path.is_file()]
        own = [self.quarter.key] if self.step.knows == "quarter" else []
        files = [f"{path.name} {digest_of(path)}" for path in stated.files]
        return of_texts(self.step.name, self.step.code, environment(), *own, *pack, *stated.facts, *files)

    @contextmanager
    def _turn(self, base: str) -> Iterator[None]:
        """One at a time what may be the same for two quarters: who comes second finds it made."""
        from filelock import FileLock

        if self.step.knows == "quarter":
            yield
            return
        present = Present(self.home, self.quarter)
        key = of_texts(base, *(present.answer(f"table:{name}") for name in self.step.inputs))
        folder = self.home.settings.made / ".locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{int(key, 16) % _LOCKS}.lock"):
            yield

    def _found(self, base: str) -> StepRecord | None:
        """What was made of the same before; of another quarter it is first taken for this one."""
        records, present = self._records, Present(self.home, self.quarter)

        def is_same(made: StepRecord) -> bool:
            return made.base == base and all(present.answer(q) == told for q, told in made.answers.items())

        own = records.of(self.quarter)
        if own is not None and is_same(own) and records.holds(own, self.quarter) and records.shown(self.quarter):
            return own
        if self.step.knows == "quarter":
            return None
        for other, made in records.of_others(self.quarter):
            if is_same(made) and records.holds(made, other) and records.shown(other):
                taken = records.take(made, other, self.quarter)
                if taken is not None:
                    return taken
        return None

    def _again(self, made: StepRecord) -> Iterator[Any]:
        of: dict[str, Any] = {REUSED: True, FROM_RUN: made.run_id, FOR_QUARTER: Quarter.from_key(made.quarter).label}
        for one in self._records.shown(self.quarter) or []:
            metadata = {**metadata_of(one["metadata"]), **normalize_metadata(of)}
            if "output" in one:
                yield self._output(one["name"], one["output"], metadata)
            else:
                yield _check(one, metadata)

    # ------------------------------------------------------------------ made now
    def _made(self, base: str) -> Iterator[Any]:
        quarter = NO_QUARTER if self.step.knows == "nothing" else self.quarter
        watched = WatchedHome(self.home, self.quarter, members_of_home(*self.step.defined))
        context = WatchedContext(self.context, quarter)
        stated = self.step.states(self.home, self.quarter)
        with opened() as files:
            yield from self._run(context, watched)
        give_back()
        told = watched.told(files, stated.files)
        if told.untold:
            LOG.debug("%s is made again next time: %s", self.step.name, told.untold[0])
            return
        present = Present(self.home, self.quarter)
        if self._base() == base and all(present.answer(q) == answer for q, answer in told.answers.items()):
            made = {in_any_quarter(path, self.home.lake.root): digest_of(path) for path in self.written}
            run = self.context.run.run_id
            record = StepRecord(base, told.answers, made, self.beside, self.quarter.key, run)
            self._records.write(self.quarter, record, self.shown)

    def _run(self, context: WatchedContext, watched: WatchedHome) -> Iterator[Any]:
        given: dict[str, Any] = {"context": context, "home": watched, "compute": self.compute}
        frames = {name: self.load_input(name, watched) for name in self.step.inputs}
        said: Any = self.step.function(**{k: v for k, v in given.items() if k in self.step.parameters}, **frames)
        del frames
        for one in said if inspect.isgenerator(said) else [dg.Output(said)]:
            if isinstance(one, dg.AssetCheckResult):
                self._show_check(one)
            yield self._kept(one, context) if isinstance(one, dg.Output) else one
        self.written += [path for path in self.step.extra(self.home, self.quarter) if path not in self.written]

    def load_input(self, name: str, watched: WatchedHome) -> pd.DataFrame:
        """Rows of an asset that the step is handed."""
        return watched.lake.read(name, self.quarter)

    def _kept(self, one: dg.Output[Any], context: WatchedContext) -> dg.Output[Any]:
        """An output, written to the lake."""
        name = self.step.outputs[0] if one.output_name == "result" else one.output_name
        own = keep(self.home.lake, name, self.quarter, one.value)
        frame = one.value if isinstance(one.value, pd.DataFrame) else one.value.frame
        for place in frame["artifact"].dropna() if "artifact" in frame else ():
            self.beside[str(place)] = digest_of(self.home.settings.home / str(place))
        metadata: Any = normalize_metadata({REUSED: False, **one.metadata, **context.metadata, **own})
        self.written += self._files_of(name)
        shown = {key: value for key, value in metadata.items() if key not in (REUSED, "file")}
        self.shown.append({"name": name, "output": one.output_name, "metadata": plain(shown)})
        return self._output(name, one.output_name, metadata)

    def _output(self, name: str, output: str, metadata: dict[str, Any]) -> dg.Output[Any]:
        path = self.home.lake.path(name, self.quarter)
        metadata = {**metadata, "file": dg.MetadataValue.path(str(path))}
        version = of_texts(*map(digest_of, self._files_of(name)))
        of: dict[str, Any] = {"metadata": metadata, "data_version": dg.DataVersion(version)}
        with warnings.catch_warnings():
            # data versions of outputs are a beta of Dagster's; that one warning would come a hundred times a run
            warnings.filterwarnings("ignore", message=".*data_version", category=dg.BetaWarning)
            return dg.Output(KeptPartition(name, self.quarter), output, **of)

    def _files_of(self, name: str) -> list[Path]:
        lake = self.home.lake
        return [lake.path(name, self.quarter), *lake.noted_files(name, self.quarter)]

    def _show_check(self, result: dg.AssetCheckResult) -> None:
        self.shown.append(
            {
                "name": result.check_name,
                "passed": result.passed,
                "severity": result.severity.value,
                "description": result.description,
                "metadata": plain(normalize_metadata(result.metadata)),
            }
        )


def _check(one: dict[str, Any], metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=one["name"],
        passed=one["passed"],
        severity=dg.AssetCheckSeverity(one["severity"]),
        description=one["description"],
        metadata=metadata,
    )


def plain(metadata: Any) -> Any:
    """Metadata as JSON can hold it."""
    return json.loads(serialize_value(metadata))


def metadata_of(told: Any) -> dict[str, Any]:
    """Metadata again."""
    value: Any = deserialize_value(json.dumps(told))
    return dict(value)


def of_texts(*texts: str) -> str:
    """One digest of some texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()
