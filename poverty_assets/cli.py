"""The command line: ``poverty-assets``.

Belongs here: arguments, exit codes, what is printed. Does not belong here: doing any of it. Commands import what they need
when they run, so that a mistyped word is answered at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import shutil
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from poverty_assets.errors import InputError, PagesBehind, PovertyAssetsError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from poverty_assets.running.publication import Following
    from poverty_assets.settings import Settings

app = typer.Typer(
    name="poverty-assets",
    help="Multidimensional deprivation for every area of a country, quarter by quarter.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

EXIT_FAILED, EXIT_REFUSED, EXIT_PAGES = 1, 2, 3
_DEFAULTED: list[str] = []
"""The country of this command's settings, where neither the command, the environment nor the home named one."""


class SourceChoice(StrEnum):
    """Kind of data of a home."""

    simulated = "simulated"
    landing = "landing"


class Format(StrEnum):
    """Form of a query's answer."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class PlainFormat(StrEnum):
    """Form of rows for other programs."""

    csv = "csv"
    json = "json"


class ExportFormat(StrEnum):
    """Form of an export."""

    geoparquet = "geoparquet"
    gpkg = "gpkg"
    xlsx = "xlsx"
    csv = "csv"


def main() -> None:
    """Run a command; errors of ours are printed without a traceback and set the exit code."""
    try:
        app()
    except InputError as error:
        _complain("\n".join([error.message, *_of_the_default(error)]))
        sys.exit(EXIT_REFUSED)
    except PagesBehind as error:
        _complain(str(error))
        sys.exit(EXIT_PAGES)
    except PovertyAssetsError as error:
        _complain(f"{error}\nThe last good warehouse is untouched.")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        _complain("stopped; the last good warehouse is untouched")
        sys.exit(130)
    except BrokenPipeError:
        raise  # whoever read the answer has gone; no trouble of a disk
    except Exception as error:
        from poverty_assets.running.trouble import trouble_behind

        trouble = trouble_behind(error, Path(os.environ.get("POVERTY_ASSETS_HOME", "data")))
        if trouble is None:
            raise
        _complain(f"{trouble}\nThe last good warehouse is untouched.")
        sys.exit(EXIT_FAILED)


def _of_the_default(error: InputError) -> list[str]:
    """That a message about a file is of a country which nobody had named, where it is: the file may be another country's."""
    said = "The country is {name}, the default: another is named with --country"
    return [said.format(name=name) for name in _DEFAULTED if error.file]


def _complain(text: str) -> None:
    print(f"poverty-assets: {text}", file=sys.stderr)


@app.command()
def refresh(
    quarter: Annotated[
        list[str] | None, typer.Option(help="Quarter to refresh, as 2022Q1; may be given again.")
    ] = None,
    sources: Annotated[SourceChoice | None, typer.Option(help="Simulated twin, or files of a landing folder.")] = None,
    landing: Annotated[Path | None, typer.Option(help="Landing folder of real files.")] = None,
    country: Annotated[str | None, typer.Option(help="Country folder, as khm.")] = None,
    measure: Annotated[str | None, typer.Option(help="Measure, as global_mpi.")] = None,
    why: Annotated[str, typer.Option(help="Reason, which the runs bear in the UI.")] = "",
    full: Annotated[bool, typer.Option("--full", help="Make everything anew, also what is there already.")] = False,
) -> None:
    """Refresh quarters and publish the warehouse (default: the latest complete quarter and the one a year before)."""
    from poverty_assets.quarter import Quarter
    from poverty_assets.running.refresh import default_quarters
    from poverty_assets.running.refresh import refresh as run

    if landing is not None and sources == SourceChoice.simulated:
        raise UsageError(
            "--landing goes with --sources landing, not with the simulated twin", remedy="leave one of them out"
        )
    asked = {"sources": sources and sources.value, "landing": landing, "country": country, "measure": measure}
    if landing is not None and sources is None:
        asked["sources"] = SourceChoice.landing.value
    settings = _settings(**asked)
    today = dt.datetime.now(dt.UTC).date()
    quarters = [Quarter.from_label(label) for label in quarter] if quarter else default_quarters(today)
    with _progress() as announce:
        done = run(settings, quarters, today=today, why=why, announce=announce, full=full)
    _tell_held_back(settings, done.following)
    if not done.published or done.following.rows is None:
        return
    if done.reused:
        print(f"{done.reused} of {done.assets} assets were there already and were used again (--full makes all anew)")
    simulated = "SIMULATED DATA, " if settings.is_simulated else ""
    labels = ", ".join(q.label for q in done.published)
    print(f"Published {labels} ({simulated}{done.following.rows:,} rows) in {done.warehouse}")
    print(f"{settings.replicates} replicates a quarter; pages in {settings.reports} (open explorer.html in a browser)")
    print("Next:")
    command = _as_typed()
    print(f'  {command} query "SELECT name_en, estimate, ci_low, ci_high FROM v_mpi_latest')
    print(
        f"      WHERE area_level = '{done.published_level}' AND statistic = 'headcount_ratio' AND k BETWEEN 0.33 AND 0.34"
    )
    print('      ORDER BY estimate DESC"')
    print(f"  make ui        (or: {command} ui)" if Path("Makefile").is_file() else f"  {command} ui")


def _tell_held_back(settings: Settings, following: Following) -> None:
    """What is complete and not published, and what to do."""
    for quarter, given in following.embargoed.items():
        print(
            f"{quarter}: approved by {given.by}, published on {given.embargo}: by the daemon, or by any refresh from then on"
        )
    if following.waiting:
        from poverty_assets.warehouse.approval import page_of

        print(
            f"Waits for approval: {', '.join(map(str, following.waiting))}. Read {page_of(settings.candidate)}, then:"
        )
        print(f"  {_as_typed()} approve {following.waiting[0]} --by 'Name, office'")


def _as_typed() -> str:
    """How this program is called from here: by its name where that is found, else by its path."""
    if shutil.which("poverty-assets"):
        return "poverty-assets"
    return os.path.relpath(Path(sys.prefix) / "bin" / "poverty-assets")


@app.command()
def validate(
    folder: Annotated[Path | None, typer.Argument(help="Landing folder; by default the home's.")] = None,
    country: Annotated[str | None, typer.Option(help="Country folder, as khm.")] = None,
) -> None:
    """Check the country's own files, then landing files against their contracts; runs and writes nothing."""
    from poverty_assets.intake.validation import validate_landing
    from poverty_assets.running.check_pack import check_covariates, check_pack

    settings = _settings(country=country, landing=folder, sources="landing" if folder else None)
    faults = check_pack(settings.country)
    for fault in faults:
        _complain(fault.message)
    if faults:
        raise InputError(
            f"faults in the files of country {settings.country}: {len(faults)}",
            remedy="mend what is named above; landing files were not looked at",
        )
    problems = 0
    read: dict[str, pd.DataFrame] = {}
    for title, outcome in validate_landing(settings, read):
        print(f"{'ok     ' if outcome is None else 'refused'} {title}")
        if outcome is not None:
            problems += 1
            _complain(outcome)
    for fault in check_covariates(settings, read):
        problems += 1
        _complain(fault.message)
    if problems:
        raise InputError(f"{problems} sources cannot be used", file=settings.landing_folder, remedy="see above")


country_app = typer.Typer(help="A country's folder of facts.", no_args_is_help=True)
app.add_typer(country_app, name="country")


@country_app.command("check")
def country_check(
    name: Annotated[str, typer.Argument(help="Country folder, as khm.")],
    landing: Annotated[
        Path | None, typer.Option(help="Folder of its files, to hold them against the pack too.")
    ] = None,
) -> None:
    """Everything that is wrong with a pack at once: its own files and, with --landing, how the files it names fit together."""
    from poverty_assets.intake.validation import validate_landing
    from poverty_assets.running.check_landing import check_landing
    from poverty_assets.running.check_pack import check_covariates, check_pack

    problems = [fault.message for fault in check_pack(name)]
    unseen = landing is not None and bool(problems)
    if landing is not None and not problems:
        settings = _settings(country=name, landing=landing, sources="landing")
        read: dict[str, pd.DataFrame] = {}
        problems += [outcome for _, outcome in validate_landing(settings, read) if outcome is not None]
        problems += [fault.message for fault in check_covariates(settings, read)]
        found = check_landing(settings, read)
        problems += [fault for fault in found.faults if not any(fault in known for known in problems)]
        for one in found.said:
            print(f"note    {one}")
    for one in problems:
        _complain(one)
    if problems:
        remedy = "mend what is named above" + (
            "; landing files were not looked at: they are once the pack is in order" if unseen else ""
        )
        raise InputError(f"faults of country {name}: {len(problems)}", remedy=remedy)
    print(
        f"ok      {name} "
        + ("(files not looked at: --landing DIR)" if landing is None else f"with the files in {landing}")
    )


@country_app.command("new")
def country_new(
    name: Annotated[str, typer.Argument(help="Its ISO 3166-1 alpha-3 code, as abc; the folder's name.")],
    to: Annotated[Path | None, typer.Option(help="Folder of packs; by default POVERTY_ASSETS_COUNTRIES.")] = None,
) -> None:
    """A commented skeleton of a pack, which validates as it stands and is made a country by filling it in."""
    from poverty_assets.running.new_pack import write_skeleton

    for path in write_skeleton(name, to):
        print(f"wrote   {path}")
    print(f"Next: fill it in, then poverty-assets country check {name.lower()} --landing DIR")


@app.command()
def fetch(
    source: Annotated[
        list[str] | None,
        typer.Argument(help="Source, as population; by default all whose licence lets anybody use them."),
    ] = None,
    country: Annotated[str | None, typer.Option(help="Country folder, as khm.")] = None,
    quarter: Annotated[
        list[str] | None,
        typer.Option(help="Quarter, as 2022Q1; may be given again; by default the latest complete one."),
    ] = None,
    landing: Annotated[Path | None, typer.Option(help="Landing folder; by default the home's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and how large it is.")] = False,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each source whether it is there.")] = False,
) -> None:
    """Fetch open sources into the landing folder: only what is new, checked before it is put there, recorded beside it."""
    from poverty_assets.quarter import Quarter
    from poverty_assets.running.fetch import How
    from poverty_assets.running.fetch import fetch as run

    if dry_run and probe:
        raise UsageError("--dry-run and --probe are different questions", remedy="ask one of them")
    settings = _settings(country=country, landing=landing, sources=SourceChoice.landing.value)
    today = dt.datetime.now(dt.UTC).date()
    quarters = [Quarter.from_label(label) for label in quarter or []] or [Quarter.latest_complete(today)]
    how: How = "probe" if probe else "dry_run" if dry_run else "fetch"
    failed = run(settings, source or [], quarters, today=today, how=how, say=lambda line: print(line, flush=True))
    if failed is not None:
        raise failed


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the published tables.")],
    form: Annotated[Format, typer.Option("--format", help="Form of the answer.")] = Format.table,
    published: Annotated[int, typer.Option(help="So many publications back; 0 is the present file.")] = 0,
) -> None:
    """Ask the published warehouse, read-only."""
    from poverty_assets.warehouse.editions import edition
    from poverty_assets.warehouse.query import answer

    sys.stdout.buffer.write(answer(edition(_settings().warehouse, published), sql, form.value))


@app.command()
def estimate(
    area: Annotated[Path, typer.Option(help="File of polygons: GeoJSON, GeoPackage.")],
    quarter: Annotated[
        str | None, typer.Option(help="Quarter, as 2022Q1; by default the latest that has draws.")
    ] = None,
    form: Annotated[PlainFormat, typer.Option("--format", help="Form of the answer.")] = PlainFormat.csv,
) -> None:
    """Figures of your own areas, as a flood zone or a project's site, with intervals, to standard output."""
    from poverty_assets.pack.country import load_country
    from poverty_assets.quarter import Quarter
    from poverty_assets.warehouse.lake import Lake
    from poverty_assets.warehouse.own_areas import estimate_own, formed

    settings = _settings()
    asked = Quarter.from_label(quarter) if quarter else None
    rows = estimate_own(area, settings.warehouse, Lake.of(settings), load_country(settings.country), asked)
    sys.stdout.write(formed(rows, form.value))


@app.command()
def approve(
    quarter: Annotated[str, typer.Argument(help="Quarter that waits, as 2022Q1.")],
    by: Annotated[str, typer.Option(help="Who approves it: name and office.")],
    embargo: Annotated[str, typer.Option(help="First day on which it may be published (UTC), as 2026-12-01.")] = "",
) -> None:
    """Approve a quarter as the candidate shows it, and publish it, or on the day that an embargo ends."""
    from poverty_assets.quarter import Quarter
    from poverty_assets.running.publication import approve as run

    settings = _settings()
    asked = Quarter.from_label(quarter)
    with _progress():
        following = run(settings, asked, by, embargo)
    if asked not in following.embargoed:
        print(f"Published {asked} in {settings.warehouse}")
    _tell_held_back(settings, following)


@app.command()
def rollback(
    back: Annotated[int, typer.Argument(min=1, help="So many publications back; the last five are kept.")] = 1,
) -> None:
    """Put an earlier published file in place of the present one; the next publication is made from the lake again."""
    from poverty_assets.warehouse.behind import lake_version
    from poverty_assets.warehouse.editions import roll_back
    from poverty_assets.warehouse.lake import Lake

    settings = _settings()
    chosen = roll_back(settings.warehouse, back, lake_version(Lake.of(settings)))
    print(f"Published again: {chosen.name}. The file that it replaced is kept: rollback 1 undoes this.")
    print(
        "Pages are as they were. Nothing is published by itself until the lake changes; any refresh publishes what is in it."
    )


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="A new tar file, outside the home.")]) -> None:
    """Write the whole home into one file."""
    from poverty_assets.running.backup import backup as run

    settings = _settings()
    print(f"Wrote {run(settings, file):,} files of {settings.home} to {file}")


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that backup wrote.")]) -> None:
    """Make a home from a backup, on this machine or another, in a folder that is empty."""
    from poverty_assets.running.backup import restore as run

    settings = _settings()
    print(f"Restored {run(settings, file):,} files to {settings.home}")


@app.command()
def export(
    form: Annotated[ExportFormat | None, typer.Option("--format", help="Form of the export.")] = None,
    to: Annotated[Path | None, typer.Option(help="File to write; a new folder for csv.")] = None,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", "--view", help="Table or view, as fct_mpi, v_mpi_latest; may be given again."),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help="Level of the areas, as the country calls it; for tables all, for the profile the finest."),
    ] = None,
    quarter: Annotated[
        list[str] | None, typer.Option(help="Quarter, as 2022Q1; may be given again; by default the latest.")
    ] = None,
    release: Annotated[
        Path | None, typer.Option(help="New folder for all that is published, with codebook, licence and digests.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the export or release that is there.")] = False,
) -> None:
    """Write tables or views, or (with neither) one wide row an area with its boundary, for other programs; or a whole release."""
    from poverty_assets.quarter import Quarter
    from poverty_assets.warehouse.export import export as run

    if release is not None:
        if any(asked is not None for asked in (form, to, table, level, quarter)):
            raise UsageError(
                "--release holds all that is published", remedy="leave the other options out, but for --force"
            )
        _release(release, force)
        return
    if form is None or to is None:
        raise UsageError("an export needs --format and --to", remedy="or ask for --release DIR")
    done = run(
        _settings().warehouse,
        to,
        form=form.value,
        tables=table or [],
        level=level,
        quarters=[Quarter.from_label(label) for label in quarter or []],
        force=force,
    )
    simulated = " (SIMULATED DATA)" if done.is_simulated else ""
    counts = ", ".join(f"{name} {rows:,} rows" for name, rows in done.rows.items())
    print(f"Wrote {done.path}{simulated}: {counts}")


def _release(folder: Path, force: bool) -> None:
    """Write a release, and say what it goes on under."""
    from poverty_assets.pack.country import load_country
    from poverty_assets.warehouse.release import release as run

    settings = _settings()
    done = run(settings.warehouse, folder, load_country(settings.country), force=force)
    simulated = " (SIMULATED DATA)" if done.is_simulated else ""
    print(f"Wrote {done.path}{simulated}: {len(done.rows)} tables, {sum(done.rows.values()):,} rows")
    licence = done.terms.licence
    print(
        f"Licence: {licence.name} ({done.terms.reason})" if licence else f"NOT TO BE REDISTRIBUTED: {done.terms.reason}"
    )
    print(f"To verify: cd {done.path} && sha256sum -c SHA256SUMS")


@app.command()
def status(
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 where there is something to do.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="How each source stands to a quarter.")] = False,
    quarter: Annotated[
        str | None, typer.Option(help="With --sources: quarter, as 2022Q1; by default the newest that is due.")
    ] = None,
) -> None:
    """What is published, how fresh it is, failed checks, and what to do; or how each source stands to a quarter."""
    from poverty_assets.running.status import concerns, status_screen
    from poverty_assets.settings import require_form

    if quarter is not None and not sources:
        raise UsageError("--quarter goes with --sources", remedy="add --sources, or leave it out")
    settings = _settings()
    require_form(settings)
    if sources:
        from poverty_assets.quarter import Quarter
        from poverty_assets.running.source_status import source_screen

        asked = Quarter.from_label(quarter) if quarter else None
        screen, lacks = source_screen(settings, asked, dt.datetime.now(dt.UTC))
        print(screen)
        if exit_code and lacks:
            sys.exit(EXIT_FAILED)
        return
    found = concerns(settings, dt.datetime.now(dt.UTC))
    print(status_screen(settings, found))
    if exit_code and found:
        sys.exit(EXIT_FAILED)


@app.command()
def ui(
    port: Annotated[int, typer.Option(help="Port on localhost.")] = 3000,
    home: Annotated[
        list[Path] | None, typer.Option(help="Home; given again, all of them are served, a code location each.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="For viewers: no runs, no switches, no schedule of its own.")
    ] = False,
) -> None:
    """Open the Dagster UI on this home, or on several, on localhost, with the schedule running."""
    from poverty_assets.running.ui import run_ui, run_ui_of_several

    if home and len(home) > 1:
        print(f"Dagster UI of {len(home)} homes on http://127.0.0.1:{port} (stop with Ctrl-C)", flush=True)
        run_ui_of_several(home, port, read_only=read_only)
        return
    settings = _settings(home=home[0] if home else None)
    print(f"Dagster UI of {settings.home} on http://127.0.0.1:{port} (stop with Ctrl-C)", flush=True)
    run_ui(settings, port, read_only=read_only)


def _settings(**asked: object):  # type: ignore[no-untyped-def]
    from pydantic import ValidationError

    from poverty_assets.settings import Settings

    try:
        settings = Settings(**{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]
        _DEFAULTED[:] = [settings.country] if settings.country_is_default else []
        return settings
    except ValidationError as error:
        wrong = [f"POVERTY_ASSETS_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors()]
        raise UsageError(
            f"{len(wrong)} settings cannot be used: {'; '.join(wrong)}", remedy="correct each setting or unset it"
        ) from error


class _progress:  # noqa: N801
    """A bar on a terminal, plain lines elsewhere; fed by the package's log."""

    def __enter__(self):  # type: ignore[no-untyped-def]
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=self._console)
            self._bar.start()
        self._task = None
        self._handler = _Feed(self._step)
        logger = logging.getLogger("poverty_assets")
        logger.addHandler(self._handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        return self._announce

    def __exit__(self, *error: object) -> None:
        logging.getLogger("poverty_assets").removeHandler(self._handler)
        if self._bar is not None:
            self._bar.stop()

    def _announce(self, text: str, steps: int) -> None:
        if self._bar is None:
            print(text, file=sys.stderr, flush=True)
        else:
            self._task = self._bar.add_task(text, total=steps)

    def _step(self, record: logging.LogRecord) -> None:
        if self._bar is None or record.levelno >= logging.WARNING:
            print(f"  {record.getMessage()}", file=sys.stderr, flush=True)
        elif self._task is not None:
            self._bar.update(self._task, advance=1, description=record.getMessage()[:34])


class _Feed(logging.Handler):
    def __init__(self, step) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a log record to the progress display."""
        self._step(record)


if __name__ == "__main__":
    main()
