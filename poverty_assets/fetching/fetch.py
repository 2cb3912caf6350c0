"""The conductor: every file that quarters want, one after the other.

Belongs here: what is skipped and why, the order of the steps, and what is told of each file. Does not belong here: any of the steps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from filelock import FileLock

from poverty_assets.errors import FetchFailed, NotObserved, NotThere, UsageError
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import KeptAnswers
from poverty_assets.fetching.clients import client_of, glance
from poverty_assets.fetching.clients.offer import Offer
from poverty_assets.fetching.landing import check, held, place
from poverty_assets.fetching.orders import Order, earlier, order
from poverty_assets.fetching.side_by_side import answered
from poverty_assets.fetching.web import NoToken, Web
from poverty_assets.pack.country import Country
from poverty_assets.pack.source import SourceSpec
from poverty_assets.quarter import Quarter
from poverty_assets.sources.landed import LandedRecord
from poverty_assets.sources.lateness import note_awaited

State = Literal["fetched", "revised", "unchanged", "wanted", "there", "kept", "waits", "late", "passed", "failed"]
_NOT_HAD = ("late", "failed")
_PERIODS_BACK = 8
_ROUNDS = 3
_SAID_EVERY = 15.0
_PROBED_WITHIN = 50.0
"""Seconds in which a probe has to be answered, so that a user knows within a minute."""
_PROBED_TIMES = 2


@dataclass(frozen=True)
class Told:
    """What is told of one file.

    Attributes
    ----------
    title : str
        Source and period.
    state : str
        ``fetched``; ``revised`` (another file was there); ``unchanged``; ``wanted`` (a dry run: it would be fetched); ``there`` (a
        probe: the publisher has it); ``kept`` (somebody put it there by hand); ``waits`` (not expected yet); ``late`` (expected, not
        there yet); ``passed`` (nothing for this quarter); ``failed``.
    words : str
    moved : int
        Bytes that came for it, those of answers to questions among them.
    """

    title: str
    state: State
    words: str
    moved: int = 0

    @property
    def line(self) -> str:
        """As it is printed."""
        return f"{self.state:<9} {self.title}: {self.words.splitlines()[0]}"


@dataclass(frozen=True)
class Fetching:
    """One fetch.

    Attributes
    ----------
    country : Country
    landing : Path
    work : Path
        Folder for pieces, outside the landing folder.
    web : Web
    today : date
    named : bool
        Whether the sources were named: then files put there by hand are replaced, and one is asked for before it is expected.
    say : callable
        Takes a line before a file moves, and one when it is known what became of it.
    """

    country: Country
    landing: Path
    work: Path
    web: Web
    today: dt.date
    named: bool = False
    say: Callable[[str], None] = lambda line: None

    def fetch(self, specs: Sequence[SourceSpec], quarters: Sequence[Quarter], *, dry_run: bool = False) -> list[Told]:
        """Land what quarters want of sources; one that fails does not keep the others."""
        return [told for _, told in self.each(specs, quarters, dry_run=dry_run)]

    def each(
        self, specs: Sequence[SourceSpec], quarters: Sequence[Quarter], *, dry_run: bool = False
    ) -> Iterator[tuple[Order | None, Told]]:
        """The same, every file once, with what became of it; no file where a source has nothing for a quarter."""
        self.web.answers = KeptAnswers(self.work / "answers", writes=not dry_run)
        if dry_run:
            yield from self._each(specs, quarters, self._compare)
            return
        self.work.mkdir(parents=True, exist_ok=True)
        with FileLock(self.work / "lock"):
            for wanted, told in self._each(specs, quarters, self._land):
                if wanted is not None:
                    self._note_awaited(wanted, told)
                yield wanted, told
            self.web.answers.prune(time.time())

    def probe(self, specs: Sequence[SourceSpec], quarter: Quarter, *, within: float = _PROBED_WITHIN) -> list[Told]:
        """Ask each source at each of its providers whether it is there, going back through its periods to the newest that is.

        All are asked side by side, and who has not answered within so many seconds is said to be silent. Nothing is fetched.
        """
        self.web.answers = KeptAnswers(self.work / "answers", writes=False)
        asked: list[Order] = []
        told: dict[int, Told] = {}
        for spec in specs:
            try:
                wanted = order(spec, quarter, self.landing, self.country)
            except NotObserved as error:
                passed = Told(f"{spec.source_id} {quarter}", "passed", error.problem)
                told[-1 - len(told)] = passed
                self.say(passed.line)
            else:
                early = wanted.preliminary
                if wanted.release.path not in {one.release.path for one in asked}:  # several sources may read one file
                    asked += [*wanted.providers, *(early.providers if early is not None else [])]
        hurried = replace(self, web=replace(self.web, attempts=_PROBED_TIMES))
        for number, found in answered([partial(hurried._probed, one) for one in asked], within):
            told[number] = found
            self.say(found.line)
        for number, one in enumerate(asked):
            if number not in told:
                told[number] = _failure(one, _silent(one, within))
                self.say(told[number].line)
        return [told[number] for number in sorted(told)]

    def _each(
        self, specs: Sequence[SourceSpec], quarters: Sequence[Quarter], step: Callable[[Order], Told]
    ) -> Iterator[tuple[Order | None, Told]]:
        done: set[Path] = set()
        for spec in specs:
            for quarter in quarters:
                wanted, told = None, None
                try:
                    wanted = order(spec, quarter, self.landing, self.country)
                except NotObserved as error:
                    told = Told(f"{spec.source_id} {quarter}", "passed", error.problem)
                else:
                    if wanted.release.path in done:
                        continue
                    done.add(wanted.release.path)
                    told = self._told(step, wanted)
                self.say(told.line)
                yield wanted, told

    def _note_awaited(self, wanted: Order, told: Told) -> None:
        """Note in the landing folder what was expected by now and could not be had: a quarter that goes without it says so."""
        if told.state in _NOT_HAD and wanted.expected is not None and wanted.expected <= self.today:
            note_awaited(wanted.release, self.today)
        elif told.state not in (*_NOT_HAD, "waits", "passed"):
            note_awaited(wanted.release, None)

    def _told(self, step: Callable[[Order], Told], wanted: Order) -> Told:
        before = self.web.moved
        found = self._final(step, wanted)
        if found.state in ("waits", "late"):
            found = self._until_then(step, wanted, found)
        return replace(found, moved=self.web.moved - before)

    def _until_then(self, step: Callable[[Order], Told], wanted: Order, final: Told) -> Told:
        """The same of the preliminary release; a final one that is here stays, whether it can be seen at the publisher or not."""
        early = wanted.preliminary
        sha256, record = held(wanted)
        if early is None or (sha256 is not None and (record is None or not record.is_preliminary)):
            return final
        try:
            found = self._at_some_provider(step, early)
        except NotThere:
            return final
        except FetchFailed as error:
            return _failure(early, error)
        words = f"{found.words}; it is preliminary, the final release is {final.words.partition(',')[0]}"
        return final if found.state == "waits" else replace(found, words=words)

    def _final(self, step: Callable[[Order], Told], wanted: Order) -> Told:
        try:
            return self._at_some_provider(step, wanted)
        except NotThere as error:
            if wanted.expected is None:
                return _failure(wanted, error)
            return Told(wanted.title, "late", f"expected by {wanted.expected}, and not there: {error}")
        except NoToken as error:
            if self.named:
                return _failure(wanted, error)
            return Told(wanted.title, "passed", f"{error.problem}: {error.remedy}")
        except FetchFailed as error:
            return _failure(wanted, error)
        except UsageError as error:  # a library that is not installed keeps no other source
            return _failure(wanted, FetchFailed(error.problem, remedy=error.remedy))

    def _at_some_provider(self, step: Callable[[Order], Told], wanted: Order) -> Told:
        """A step at the provider that the file here came from, else at the first; where that fails, at the others.

        A file that is here is not replaced by that of another provider because its own is out of order: it would be a revision
        without a reason.
        """
        _, record = held(wanted)
        mine = [one for one in wanted.providers if record is not None and one.recipe == record.recipe]
        missed: list[FetchFailed] = []
        for one in mine[:1] or wanted.providers:
            try:
                found = step(one)
            except FetchFailed as error:
                missed.append(error)
            else:
                why = f" (another provider: {missed[0].problem})" if missed else ""
                return replace(found, words=found.words + why)
        raise missed[0]

    def _probed(self, wanted: Order) -> Told:
        try:
            return self._newest(wanted)
        except NoToken as error:
            return (
                _failure(wanted, error)
                if self.named
                else Told(_at(wanted), "passed", f"{error.problem}: {error.remedy}")
            )
        except FetchFailed as error:
            return _failure(wanted, error)
        except UsageError as error:  # a library that is not installed keeps no other source
            return _failure(wanted, FetchFailed(error.problem, remedy=error.remedy))

    def _newest(self, wanted: Order) -> Told:
        missed: NotThere | None = None
        for one in (wanted, *earlier(wanted, self.landing, _PERIODS_BACK)):
            try:
                found = glance(one, self.web)
            except NotThere as error:
                missed = missed or error
                continue
            late = f"; {wanted.title} is expected by {wanted.expected}" if one is not wanted else ""
            return Told(_at(one), "there", _described(found) + late)
        raise missed or NotThere("the publisher has none of it")

    # ------------------------------------------------------------------ steps
    def _compare(self, wanted: Order) -> Told:
        found = self._wanted(wanted)
        if isinstance(found, Told):
            return found
        return Told(wanted.title, "wanted", f"would fetch {_described(found)} to {self._shown(wanted)}")

    def _land(self, wanted: Order) -> Told:
        found = self._wanted(wanted)
        if isinstance(found, Told):
            return found
        self.say(f"{wanted.title}: {_described(found)}")
        before, _ = held(wanted)
        self.web.progress = self._told_of_progress(wanted, found)
        record = self._made(wanted, found)
        if record.sha256 == before:
            return Told(wanted.title, "unchanged", "the same file came again")
        words = f"{record.size:,} bytes to {self._shown(wanted)} ({record.licence})"
        if before is None:
            return Told(wanted.title, "fetched", words)
        return Told(wanted.title, "revised", f"{words}; quarters that used the file before need a new run")

    def _told_of_progress(self, wanted: Order, found: Offer) -> Callable[[int], None]:
        """Says how far a file is, every quarter of a minute."""
        first, last = self.web.moved, [self.web.clock()]
        of = f" of {found.size:,}" if found.is_whole and found.size is not None else ""

        def progress(moved: int) -> None:
            if self.web.clock() - last[0] >= _SAID_EVERY:
                last[0] = self.web.clock()
                self.say(f"{wanted.title}: {moved - first:,}{of} bytes so far")

        return progress

    def _wanted(self, wanted: Order) -> Offer | Told:
        """What the publisher has, where it is not here already."""
        before, record = held(wanted)
        if before is not None and record is None and not self.named:
            return Told(
                wanted.title, "kept", f"{self._shown(wanted)} was put there by hand; name the source to replace it"
            )
        if wanted.expected is not None and self.today < wanted.expected and not self.named:
            return Told(wanted.title, "waits", f"expected by {wanted.expected}")
        found = client_of(wanted.fetch.client).offer(wanted, self.web)
        same = record is not None and (record.parts, record.recipe) == (found.recorded, wanted.recipe)
        if same and found.can_be_known_again:
            return Told(wanted.title, "unchanged", "the publisher has what is here")
        return found

    def _made(self, wanted: Order, found: Offer) -> LandedRecord:
        """Make the file, check it, put it in place; one that came broken is made again."""
        name = hashlib.sha256(str(wanted.release.path).encode()).hexdigest()[:8]
        folder = self.work / f"{wanted.spec.source_id}-{name}"
        for left in reversed(range(_ROUNDS)):
            file = client_of(wanted.fetch.client).make(wanted, found, self.web, folder)
            try:
                check(wanted, file)
            except FetchFailed:
                shutil.rmtree(folder)
                if not left:
                    raise
            else:
                break
        record = place(wanted, found, file, dt.datetime.now(dt.UTC).replace(microsecond=0))
        shutil.rmtree(folder)
        return record

    def _shown(self, wanted: Order) -> str:
        return wanted.release.path.relative_to(self.landing).as_posix()


def failures(told: Sequence[Told]) -> FetchFailed | None:
    """One error for all that failed; None where nothing did."""
    failed = [one for one in told if one.state == "failed"]
    if not failed:
        return None
    return FetchFailed("\n".join(f"{one.title}: {one.words}" for one in failed))


def _described(found: Offer) -> str:
    size = f"{found.size:,} bytes" if found.size is not None else "size not told"
    where = found.recorded[0].address + (f" and {len(found.parts) - 1} more" if len(found.parts) > 1 else "")
    return f"{size} from {where}" if found.is_whole else f"the country's window of {size} from {where}"


def _at(wanted: Order) -> str:
    """What is asked for, and of whom where it is not the first of its providers."""
    first = wanted.spec.fetch and (wanted.spec.fetch.preliminary if wanted.is_preliminary else wanted.spec.fetch)
    words = [
        wanted.title,
        *(["preliminary"] if wanted.is_preliminary else []),
        *(["instead"] if wanted.fetch is not first else []),
    ]
    return ", ".join(words)


def _silent(wanted: Order, within: float) -> FetchFailed:
    return FetchFailed(
        f"no answer within {within:.0f} seconds",
        address=shown(wanted.addresses[0][1]),
        remedy="ask for this source alone, and look at the publisher's page",
    )


def _failure(wanted: Order, error: FetchFailed) -> Told:
    remedy = f"\nRemedy: {error.remedy}" if error.remedy else ""
    return Told(_at(wanted), "failed", f"{error}{remedy}")
