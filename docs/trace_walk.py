"""Follow one household, one pixel, one register count and one draw through a traced refresh: the part ``walk`` of ``docs/architecture.md``.

    python docs/trace_walk.py                    # writes the page: half an hour, most of it in replicates, which the draw walks through
    python docs/trace_walk.py --print            # prints only
    python docs/trace_walk.py --only household   # follows one of them, and leaves what the page says of the others

Belongs here: the made-up landing folder with something to follow in it, the trace, and its wording. Does not belong here: any
knowledge of the package's files. What is followed is told by itself:

- a household by the survey's number of households, a prime that nothing else has as many of: whatever has an axis so long holds
  households' rows. Of its commune's direct figures it is told by the commune's code beside the method;
- a pixel by the shape of its raster of floats (a blank grid of that shape, which tells who covers what, holds none), and then by the
  feature that is made of it;
- a register count by its value, and the rate by its own: numbers that nothing else has;
- a draw by the number of replicates, and of one replicate by the number of clusters, each a prime.

And whatever a function returns that was given it, is it still, but for what was handed in without it (a hierarchy that comes back in
a record holds no household). A function is said to hold it when one of its arguments does as it is called, or what it returns; it
is told where it first does. Of the steps of the run only those of the walk are told, which the tables' names give; names of
steps come from Dagster's own calls of the IO manager.

How re-entries are counted. A stay in a file ends when none of its functions is at work and another file holds what is followed. A
file that has two stays in a step is entered again. One thing is taken apart, the frame of a step: what ``keep``, ``handle_output``
and ``load_input`` call stands between steps, and so, where Dagster hands nothing in, does the first stay of a step in a file that
``handle_output`` will come to, with what it calls: the lake, or the raster, read by the step itself. A file may be read from as a step
begins and written to as it ends; whatever else it does in between, or any other file does twice, is counted, in the frame too.

Tools are no rooms. A file of the ground floor (the two lowest of `FLOORS` in ``poverty_assets_tests/test_floors.py``: rooms that import
nothing of the house, errors apart, such as sums of groups and threads) knows nothing of what is followed, and is called from anywhere as
numpy is: one does not walk into it. The step names it at its end, and it is not counted, nor does it end another file's stay. Nothing
else is left out: who moves knowledge of households, rasters, registers or draws to the ground floor is stopped by the test of the floors.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import inspect
import itertools
import json
import os
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Literal

import numpy as np
import pandas as pd

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

QUARTER = "2022Q4"
HOUSEHOLDS, CLUSTERS, REPLICATES = 1013, 101, 23
RASTER = (83, 103)
LISTED, LISTABLE = 2_503, 6_113
MOST_VALUES = 20_000
DEEP = 4


def main() -> None:
    """Trace a refresh and write, or print, the four walks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--print", action="store_true", help="print only; leave the page as it is")
    names = [walker.name for walker in WALKERS]
    parser.add_argument("--only", nargs="*", choices=names, default=names, help="who is followed")
    options = parser.parse_args()
    walkers = tuple(walker for walker in WALKERS if walker.name in options.only)
    with tempfile.TemporaryDirectory() as folder:
        landing = made_up_landing(Path(folder) / "landing")
        trace = traced_refresh(Path(folder) / "home", landing, walkers)
    made = {walker.name: told(walker, trace.steps[walker.name]) for walker in walkers}
    if options.print:
        print("\n\n".join(made.values()))
        return
    from make_architecture import part_of, with_part

    page = DOCS / "architecture.md"
    text = page.read_text(encoding="utf-8")
    before = {walker.name: walk_in(part_of(text, "walk"), walker) for walker in WALKERS}
    page.write_text(with_part(text, "walk", "\n\n".join((before | made).values())), encoding="utf-8")


def walk_in(part: str, walker: Walker) -> str:
    """What the page says of one of them; empty if nothing."""
    walks = re.split(r"^(?=\*\*One )", part, flags=re.MULTILINE)
    return next((one.strip() for one in walks if one.startswith(f"**{walker.words}**")), "")


# ---------------------------------------------------------------- what is followed


@dataclasses.dataclass(frozen=True)
class Walker:
    """Who walks: how a value shows that it holds it, and the tables that it comes through (any of the names), first to last."""

    name: str
    words: str
    holds: Callable[[Any], bool]
    tables: tuple[tuple[str, ...], ...]


def _shape(value: Any) -> tuple[int, ...]:
    is_array = isinstance(value, np.ndarray | pd.DataFrame | pd.Series) or hasattr(value, "nnz")
    return tuple(value.shape) if is_array else ()


def _axis(length: int) -> Callable[[Any], bool]:
    return lambda value: length in _shape(value)


def _household(value: Any) -> bool:
    if _axis(HOUSEHOLDS)(value):
        return True
    if not isinstance(value, pd.DataFrame) or not {"area_id", "statistic", "method"} <= set(value.columns):
        return False
    return bool(((value["area_id"].astype(str) == "010101") & (value["method"].astype(str) == "direct")).any())


def _pixel(value: Any) -> bool:
    if _shape(value) in (RASTER, (RASTER[0] * RASTER[1],)):
        return str(getattr(value, "dtype", "")).startswith("float")
    if isinstance(value, pd.DataFrame) and "feature_id" in value.columns:
        return bool((value["feature_id"] == "friction_walking_mean").any())
    return False


def _count(value: Any) -> bool:
    if isinstance(value, pd.DataFrame):
        return any(_count(value[column]) for column in value.columns if column != "geometry")
    if isinstance(value, str):
        return len(value) < 1_000_000 and f" {LISTED}," in value
    if isinstance(value, pd.Series | np.ndarray) and 0 < value.size <= MOST_VALUES:
        numbers = pd.to_numeric(pd.Series(np.asarray(value, dtype=object).ravel()), errors="coerce").to_numpy(
            dtype=float
        )
        return bool(((numbers == LISTED) | (np.abs(numbers - LISTED / LISTABLE) < 1e-12)).any())
    return False


def _draw(value: Any) -> bool:
    if isinstance(value, pd.DataFrame):
        return "draws" in value.columns and len(value) > 0 and len(value["draws"].iloc[0]) == REPLICATES
    shape = _shape(value)
    return REPLICATES in shape or (
        shape == (CLUSTERS,) and getattr(value, "dtype", None) == np.float64 and _is_factor(value)
    )


def _is_factor(value: Any) -> bool:
    """Weights of a resampled survey: whole multiples of m / (m - 1), some of them 0, so never a weight of the survey's own."""
    return bool((np.asarray(value) == 0).any() and np.asarray(value).max() < 20)


WALKERS = (
    Walker(
        "household",
        "One household",
        _household,
        (("src_dhs_2021_22",), ("survey_household",), ("direct_mpi",), ("fct_mpi",)),
    ),
    Walker("pixel", "One pixel", _pixel, (("src_friction_walking",), ("area_feature",))),
    Walker("count", "One register count", _count, (("src_idpoor_2022",), ("register_count",), ("fct_register",))),
    Walker("draw", "One draw", _draw, (("area_mpi", "area_draw"),)),
)


# ---------------------------------------------------------------- the landing folder


def made_up_landing(folder: Path) -> Path:
    """The tests' landing folder, with a survey, a raster of its own shape and a register count of its own value."""
    from poverty_assets_tests.landing import CORNER, commune_codes, write_landing
    from poverty_assets_tests.made_files import write_raster

    folder.mkdir(parents=True)
    write_landing(folder)
    rng = np.random.default_rng(1)
    write_raster(next(folder.rglob("*walking_friction*.tif")), rng.uniform(0.01, 0.05, RASTER), 0.025, CORNER)
    register = next(folder.rglob("*idpoor_communes*.json"))
    records = json.loads(register.read_text())
    records["DataList"][0] |= {"Total_Poor_12_HHs": LISTED, "Total_HHs": LISTABLE}
    records["DataList"][0] |= {"Total_Poor_1_HHs": LISTED // 3, "Total_Poor_2_HHs": LISTED - LISTED // 3}
    register.write_text(json.dumps(records))
    _write_survey(folder / "survey" / "dhs_2021_22", commune_codes(), rng)
    return folder


def _write_survey(folder: Path, codes: list[str], rng: np.random.Generator) -> None:
    indicators = [
        "nutrition", "child_mortality", "years_schooling", "school_attendance", "cooking_fuel", "sanitation",
        "drinking_water", "electricity", "housing", "assets",
    ]  # fmt: skip
    cluster = np.sort(np.arange(HOUSEHOLDS) % CLUSTERS)
    commune = (cluster // 2) % len(codes)
    poor = rng.normal(size=HOUSEHOLDS) + np.linspace(-0.5, 0.5, len(codes))[commune]
    households = pd.DataFrame(
        {
            "hh": [f"h{i}" for i in range(HOUSEHOLDS)],
            "psu": cluster + 1,
            "stratum": [codes[c][:2] for c in commune],
            "wt": rng.uniform(0.5, 2.0, HOUSEHOLDS).round(4),
            "size": rng.integers(1, 9, HOUSEHOLDS),
            "commune": [codes[c] for c in commune],
            "urban": (cluster % 3 == 0).astype(int),
        }
    )
    for name in indicators:
        households[name] = (poor + rng.normal(size=HOUSEHOLDS) > 0.9).astype(int)
    folder.mkdir(parents=True)
    households.to_csv(folder / "households.csv", index=False)
    own = {"household_id": "hh", "psu": "psu", "stratum": "stratum", "weight": "wt", "hh_size": "size"}
    wave = {
        "title": "Made-up wave",
        "fieldwork": {"start": "2021-09-15", "end": "2022-02-15"},
        "file": "households.csv",
        "columns": {**own, "area_id": "commune", "is_urban": "urban"},
        "indicators": {name: name for name in indicators},
    }
    dates = json.dumps(wave).replace('"2021-09-15"', "2021-09-15").replace('"2022-02-15"', "2022-02-15")
    (folder / "survey.yaml").write_text(dates)


# ---------------------------------------------------------------- the trace


@dataclasses.dataclass
class Visit:
    """A stay in one file: from the first function of it that holds what is followed until none of its functions is at work."""

    file: str
    functions: list[str]
    last: int


@dataclasses.dataclass(frozen=True)
class Event:
    """A function that holds what is followed: its number in the run, and what is known of its file at that moment.

    ``since`` is the number that the run stood at when the function was called; ``is_at_work`` whether another function of its file
    is under way; ``frame`` whether Dagster hands over at that moment, and which way.
    """

    file: str
    function: str
    number: int
    since: int
    is_at_work: bool
    frame: Literal["read", "written", ""] = ""


class Trace:
    """Who held what, step by step of the run."""

    def __init__(self, package: Path, walkers: tuple[Walker, ...]) -> None:
        self.package = str(package) + os.sep
        self.walkers = walkers
        self.number = 0
        self.pending: list[tuple[str, Event]] = []
        self.steps: dict[str, dict[str, list[Event]]] = {walker.name: {} for walker in walkers}
        self._known: dict[CodeType, str | None] = {}
        self._at_work: dict[int, list[tuple[str, str]]] = {}
        self._kept: dict[str, dict[int, Any]] = {walker.name: {} for walker in walkers}
        self._held: dict[int, tuple[set[str], int, set[int]]] = {}
        self._resumed: set[FrameType] = set()
        self._inside = threading.local()

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """What Python calls at every call and return."""
        if event not in ("call", "return"):
            return
        file = self._file(frame.f_code)
        if file is None or getattr(self._inside, "now", False):
            return
        self._inside.now = True
        try:
            if event == "call":
                self._enter(frame, file)
            else:
                self._leave(frame, file, argument)
        finally:
            self._inside.now = False

    def _file(self, code: CodeType) -> str | None:
        if code not in self._known:
            path = code.co_filename
            told = path.startswith(self.package) and not code.co_name.startswith("<")
            self._known[code] = path.removeprefix(self.package) if told else None
        return self._known[code]

    def _enter(self, frame: FrameType, file: str) -> None:
        self._at_work.setdefault(threading.get_ident(), []).append((file, frame.f_code.co_name))
        given = list(frame.f_locals.values())
        holding = {w.name: [self._holds(w, value) for value in given] for w in self.walkers}
        held = {name for name, holds in holding.items() if any(holds)}
        without = {id(v) for i, v in enumerate(given) if not any(holds[i] for holds in holding.values())}
        self._held[id(frame)] = held, self.number, without if held else set()
        if frame in self._resumed:  # a generator that goes on, not one that is called
            return
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            self._resumed.add(frame)
        for name in held:
            self._note(name, file, frame.f_code, self.number)

    def _leave(self, frame: FrameType, file: str, returned: Any) -> None:
        held, since, without = self._held.pop(id(frame), (set(), self.number, set()))
        for walker in self.walkers:
            if walker.name in held:
                self._keep(walker.name, returned, without)
            elif self._holds(walker, returned):
                self._note(walker.name, file, frame.f_code, since)
        stack = self._at_work.get(threading.get_ident(), [])
        if stack:
            stack.pop()
        if frame.f_code.co_name == "handle_output":
            self._step_is(frame.f_locals.get("context"))

    def _note(self, name: str, file: str, code: CodeType, since: int) -> None:
        busy = [one for stack in list(self._at_work.values()) for one, _ in stack]
        mine = [at_work for _, at_work in self._at_work.get(threading.get_ident(), [])]
        way: Literal["read", "written", ""] = (
            "written" if {"handle_output", "keep"} & {*mine} else "read" if "load_input" in mine else ""
        )
        self.number += 1
        function = code.co_qualname.replace("build.<locals>.", "").replace("<locals>.", "")
        self.pending.append((name, Event(file, function, self.number, since, busy.count(file) > 1, way)))

    def _step_is(self, context: Any) -> None:
        """All that was noted since the step before belongs to the table that has been handed over now."""
        table = context.asset_key.path[-1]
        for name, event in self.pending:
            self.steps[name].setdefault(table, []).append(event)
        self.pending.clear()

    def _keep(self, name: str, value: Any, without: set[int]) -> None:
        for part in _parts(value, 1):
            if id(part) in without:
                continue
            if isinstance(part, np.ndarray | pd.DataFrame | pd.Series) or _is_ours(part):
                self._kept[name][id(part)] = part

    def _holds(self, walker: Walker, value: Any) -> bool:
        kept = self._kept[walker.name]
        return any(kept.get(id(part)) is part or walker.holds(part) for part in _parts(value, DEEP))


def _parts(value: Any, deep: int) -> Iterator[Any]:
    """A value and what is in it: of lists, mappings and records, some floors down."""
    if value is None or isinstance(value, int | float | bytes | type | Path):
        return
    yield value
    if deep == 0 or isinstance(value, str | np.ndarray | pd.DataFrame | pd.Series):
        return
    if type(value) is dict:
        inner = list(value.values())[:50]
    elif type(value) in (list, tuple) or (isinstance(value, tuple) and _is_ours(value)):
        inner = list(value)[:50]
    elif _is_ours(value) and hasattr(value, "__dict__"):
        inner = list(vars(value).values())
    else:
        return
    for one in inner:
        yield from _parts(one, deep - 1)


def _is_ours(value: Any) -> bool:
    return type(value).__module__.startswith("poverty_assets")


def traced_refresh(home: Path, landing: Path, walkers: tuple[Walker, ...] = WALKERS) -> Trace:
    """Refresh one quarter of the landing folder in this process, with the trace on."""
    import poverty_assets

    os.environ |= {"POVERTY_ASSETS_HOME": str(home), "POVERTY_ASSETS_REPLICATES": str(REPLICATES), "DAGSTER_HOME": ""}
    from poverty_assets import cli

    trace = Trace(Path(poverty_assets.__file__).parent, walkers)
    sys.argv = ["poverty-assets", "refresh", "--quarter", QUARTER, "--sources", "landing", "--landing", str(landing)]
    with traced_steps(trace, {name for walker in walkers for names in walker.tables for name in names}):
        cli.app(standalone_mode=False)
    return trace


@contextlib.contextmanager
def traced_steps(trace: Trace, tables: set[str]) -> Iterator[None]:
    """With the trace on in the steps of the run that make one of the tables, and off in all others, which take most of its time."""
    from dagster._core.execution.plan import execute_plan

    every_step = execute_plan.dagster_event_sequence_for_step

    def step(context: Any, *rest: Any, **further: Any) -> Iterator[Any]:
        made = {context.step.key, *(output.name for output in context.step.step_outputs)}
        profile = trace if made & tables else None
        trace.pending.clear()  # what the step before held after it had handed over
        threading.setprofile(profile)  # type: ignore[arg-type]
        sys.setprofile(profile)
        try:
            yield from every_step(context, *rest, **further)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]

    execute_plan.dagster_event_sequence_for_step = step
    try:
        yield
    finally:
        execute_plan.dagster_event_sequence_for_step = every_step


# ---------------------------------------------------------------- in words


def is_tool(file: str) -> bool:
    """Whether a file is of the ground floor."""
    from poverty_assets_tests.test_floors import FLOORS

    return file.split("/")[0].removesuffix(".py") in [*FLOORS[0], *FLOORS[1]]


def tools(events: list[Event]) -> list[Visit]:
    """Functions of the ground floor, by file."""
    used: dict[str, dict[str, int]] = {}
    for event in events:
        if is_tool(event.file):
            used.setdefault(event.file, {})[event.function] = event.number
    return [Visit(file, list(functions), max(functions.values())) for file, functions in used.items()]


def visits(events: list[Event]) -> list[Visit]:
    """Stays in rooms, each function where it first held what is followed; a file that is still at work was not left."""
    events = [event for event in events if not is_tool(event.file)]
    out: list[Visit] = []
    last: dict[str, Visit] = {}
    seen: set[tuple[str, str]] = set()
    for event in events:
        if (event.file, event.function) in seen:
            continue
        seen.add((event.file, event.function))
        visit = last.get(event.file)
        if visit is not None and (event.is_at_work or visit is out[-1] or visit.last > event.since):
            visit.functions.append(event.function)
            visit.last = event.number
        else:
            last[event.file] = Visit(event.file, [event.function], event.number)
            out.append(last[event.file])
    return out


def in_three(events: list[Event]) -> dict[str, list[Visit]]:
    """Stays of a step: reading what it begins with, its own, and writing what it ends with (see the module's text)."""
    written = {event.file for event in events if event.frame == "written"}
    handed = list(itertools.takewhile(lambda event: event.frame == "read", events))
    if not handed and events and events[0].file in written:
        last = visits([event for event in events if event.frame != "written"])[0].last
        handed = [event for event in events if event.number <= last]
    n_read = len(handed)
    read, rest = events[:n_read], events[n_read:]
    return {
        "read": visits(read),
        "": visits([event for event in rest if event.frame != "written"]),
        "written": visits([event for event in rest if event.frame == "written"]),
    }


def entered_again(stays: dict[str, list[Visit]]) -> list[str]:
    """Files with more than one stay in a step, but for those that are only read as it begins and written as it ends."""
    files = {part: [visit.file for visit in made] for part, made in stays.items()}
    every = [file for part in files.values() for file in part]
    frame = [file for file in files["read"] if files["read"].count(file) == files["written"].count(file) == 1]
    once = set(frame) - set(files[""])
    return [file for file in dict.fromkeys(every) if every.count(file) > 1 and file not in once]


def told(walker: Walker, steps: dict[str, list[Event]]) -> str:
    """The walk in Markdown: a line for each step, and which files were entered again within one."""
    lines = [f"**{walker.words}**", ""]
    again: list[str] = []
    for names in walker.tables:
        table = next((name for name in names if name in steps), None)
        if table is None:
            lines.append(f"- `{' or '.join(names)}`: not seen in this run")
            continue
        stays, used = in_three(steps[table]), tools(steps[table])
        words = [
            f"{f'*{part}* ' if part else ''}" + "; ".join(f"`{v.file}` {', '.join(v.functions)}" for v in made)
            for part, made in [*stays.items(), ("with", used)]
            if made
        ]
        lines.append(f"- to `{table}`: " + "; ".join(words))
        again += [f"`{file}` ({table})" for file in entered_again(stays)]
    lines += ["", "Entered, left and entered again within a step: " + (", ".join(again) or "none") + "."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
