"""Random sequences of faults over every protocol, from a seed; what became of each.

Belongs here: drawing a sequence, fetching through it, and judging what is left. Does not belong here: what a provider serves
(``protocols``), or how it misbehaves (``server``).

``python -m poverty_assets_tests.fetching.faults [SEED] [NUMBER]`` prints the counts by protocol, and each sequence that went wrong.

Time is that of a clock of its own, which waits move: a wait of minutes takes none, and a provider that is asked again too early counts it.
"""

from __future__ import annotations

import datetime as dt
import functools
import logging
import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest import mock

from poverty_assets.fetching.fetch import Fetching, Told
from poverty_assets.fetching.web import ATTEMPTS, Web, open_web
from poverty_assets.pack.country import load_country
from poverty_assets.sources.landed import ENDING
from poverty_assets.sources.lateness import AWAITED
from poverty_assets_tests.fetching.conftest import BOUNDS, QUARTER
from poverty_assets_tests.fetching.protocols import PROTOCOLS, TOKEN, Protocol
from poverty_assets_tests.fetching.server import Provider

PASSING = (
    "cut", "reset", "500", "502", "503", "504", "408", "429", "429 later", "429 date", "503 later", "short", "page", "busy", "stale",
    "loop", "stall", "expired", "whole", "gap",
)  # fmt: skip
"""Faults of one answer; the next may be right."""
LASTING = ("404", "401", "500", "503", "429 hours", "page", "busy", "loop", "reset", "broken", "renamed")
"""Faults of every answer of the first provider."""
SILENCE = 0.4
"""Seconds after which a server counts as silent: the only ones that pass."""
PAUSE = 1.0
ONE, TWO = "/one", "/two"
NAMES = {"sig=", "Sig-", TOKEN}


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Sequence:
    """What one fetch meets.

    Attributes
    ----------
    seed : int
    protocol : Protocol
    faults : list of str
        One for each answer of the first provider, in order; empty where it is right.
    lasting : str
        What all its answers suffer from; empty: nothing.
    second : bool
        Whether there is a second provider.
    landed : bool
        Whether an older release had been landed from the first.
    """

    seed: int
    protocol: Protocol
    faults: list[str]
    lasting: str
    second: bool
    landed: bool

    @property
    def longest(self) -> int:
        """The most faults in a row."""
        return max((len(run.split(",")) for run in re.findall(r"[^|]+", self._written)), default=0)

    @property
    def _written(self) -> str:
        return ",".join(self.faults).replace(",,", "|").replace("||", "|").strip("|,")

    @property
    def can_be_had(self) -> bool:
        """Whether a retry, a resume or the second provider can get the right bytes: a file stays that of its provider."""
        if self.lasting:
            return self.second and not self.landed
        return self.longest < ATTEMPTS or (self.second and not self.landed)

    def __str__(self) -> str:
        said = [f"faults {','.join(self.faults)}", f"always {self.lasting}" if self.lasting else ""]
        said += ["a second provider" if self.second else "", "an older release landed" if self.landed else ""]
        return f"{self.protocol.name}, seed {self.seed}: {'; '.join(part for part in said if part)}"


@dataclass
class Outcome:
    """What became of a sequence: ``wrong`` says what must never be."""

    sequence: Sequence
    told: Told
    right: bool
    wrong: list[str] = field(default_factory=list)


def drawn(seed: int, number: int) -> Iterator[Sequence]:
    """Sequences of a seed; over all protocols in turn."""
    for index in range(number):
        one = seed * 100_000 + index
        draw = random.Random(one)
        protocol = PROTOCOLS[index % len(PROTOCOLS)]
        faults: list[str] = []
        for _ in range(draw.randint(1, 4)):
            faults += [""] * draw.randint(0, 5)
            faults += draw.choices(PASSING, k=draw.choice([1, 1, 1, 2, 2, 3, 4, 5, 7]))
        stalls = [place for place, fault in enumerate(faults) if fault == "stall"]
        for place in stalls[2:]:  # each takes its time
            faults[place] = "reset"
        lasting = draw.choice(LASTING) if draw.random() < 0.35 else ""
        if lasting == "renamed" and not protocol.renames:
            lasting = "broken"
        yield Sequence(one, protocol, faults, lasting, draw.random() < 0.5, draw.random() < 0.3)


def tried(sequence: Sequence, folder: Path) -> Outcome:
    """Fetch through a sequence, and once more when all is well again."""
    with Provider() as provider, _told_of_everything() as heard, _session(provider) as web:
        bench = _Bench(sequence, provider, folder, web)
        if sequence.landed:
            bench.serve(1)
            told = bench.fetch()
            assert told.state == "fetched", told.words
        bench.serve(2)
        before = bench.left()
        bench.spoil()
        told = bench.fetch()
        outcome = Outcome(sequence, told, right=told.state in ("fetched", "revised", "unchanged"))
        bench.judge(outcome, before, heard)
        bench.mend()
        again = bench.fetch()
        if again.state not in ("fetched", "revised", "unchanged") or bench.left() != right_bytes(sequence.protocol, 2):
            outcome.wrong.append(f"when all is well again it is {again.state}: {again.words}")
        return outcome


class _Bench:
    def __init__(self, sequence: Sequence, provider: Provider, folder: Path, web: Web) -> None:
        self.sequence, self.provider, self.folder, self.web = sequence, provider, folder, web
        self.spec = sequence.protocol.spec(provider, [ONE, TWO] if sequence.second else [ONE], PAUSE)
        self.lines: list[str] = []

    def serve(self, release: int) -> None:
        for root in (ONE, TWO):
            self.sequence.protocol.serve(self.provider, root, release)

    def spoil(self) -> None:
        lasting = self.sequence.lasting
        self.provider.plans[ONE] = list(self.sequence.faults)
        if lasting == "renamed":
            self.sequence.protocol.serve(self.provider, ONE, 2, renamed=True)
        elif lasting == "broken":
            for path, file in self.provider.files.items():
                if path.startswith(f"{ONE}/"):
                    file.data = b"\0" * len(file.data)
            for path, answer in list(self.provider.answers.items()):
                if path.startswith(ONE) and not any(path.startswith(f"{ONE}/") for path in self.provider.files):
                    self.provider.answers[path] = functools.partial(_halved, answer)
        elif lasting:
            self.provider.always[ONE] = lasting

    def mend(self) -> None:
        self.web.sleep(86_400.0)  # another day
        self.provider.plans.clear()
        self.provider.always.clear()
        self.provider.looping.clear()
        self.serve(2)

    def fetch(self) -> Told:
        fetching = Fetching(
            _country(),
            self.folder / "landing",
            self.folder / "work",
            self.web,
            dt.date(2026, 11, 20),
            say=self.lines.append,
        )
        (told,) = fetching.fetch([self.spec], [QUARTER])
        return told

    def left(self) -> bytes | None:
        """The landed file."""
        found = [
            path
            for path in (self.folder / "landing").rglob("*")
            if path.is_file() and not path.name.endswith((ENDING, AWAITED))
        ]
        return found[0].read_bytes() if len(found) == 1 else None

    def judge(self, outcome: Outcome, before: bytes | None, heard: list[str]) -> None:
        """Note what must never be."""
        now, wrong = self.left(), outcome.wrong
        files = [path for path in (self.folder / "landing").rglob("*") if path.is_file() and path.name != AWAITED]
        if len(files) not in ((0, 2) if before is None else (2,)):
            wrong.append(f"in the landing folder there are {[path.name for path in files]}")
        if outcome.right and now != right_bytes(self.sequence.protocol, 2):
            wrong.append("wrong bytes were landed")
        if not outcome.right and now != before:
            wrong.append("what was there is not there any more, or something else is")
        if not outcome.right:
            wrong += _faults_of_words(outcome.told)
        everything = [*self.lines, outcome.told.words, *heard]
        everything += [path.read_bytes().decode("latin-1") for path in self.folder.rglob("*") if path.is_file()]
        wrong += sorted({f"{name} stands in: {text[:200]!r}" for name in NAMES for text in everything if name in text})
        if self.provider.disturbed:
            wrong.append(f"asked {self.provider.disturbed} times before Retry-After was over")
        if hasty := self.provider.hasty(PAUSE):
            wrong.append(f"{hasty} requests came sooner than {PAUSE:g} s after the one before")


def _faults_of_words(told: Told) -> list[str]:
    why, _, remedy = told.words.partition("\nRemedy: ")
    good = "\n" not in why and len(why) < 500 and "Traceback" not in why and ("http" in why or "s3:" in why)
    return [] if good and (remedy or told.state == "late") else [f"not one clear sentence and a remedy: {told.words!r}"]


def _halved(answer: object, words: dict[str, str]) -> bytes:
    import json

    said = answer(words)  # type: ignore[operator]
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return body[: len(body) // 2]


@functools.cache
def right_bytes(protocol: Protocol, release: int) -> bytes | None:
    """What a fetch lands that meets no fault."""
    quiet = Sequence(0, protocol, [], "", second=False, landed=False)
    with TemporaryDirectory() as folder, Provider() as provider, _session(provider) as web:
        bench = _Bench(quiet, provider, Path(folder), web)
        bench.serve(release)
        told = bench.fetch()
        assert told.state == "fetched", told.words
        return bench.left()


@dataclass(frozen=True)
class Calm:
    """One of several fetches that meet no fault: its state, what the client counted, and what the provider sent."""

    state: str
    moved: int
    sent: int


def calm(protocol: Protocol, folder: Path, times: int) -> list[Calm]:
    """Fetch several times, of a provider whose answers can be known again."""
    quiet = Sequence(0, protocol, [], "", second=False, landed=False)
    found = []
    with Provider(tagged=True) as provider, _session(provider) as web:
        bench = _Bench(quiet, provider, folder, web)
        bench.serve(1)
        for _ in range(times):
            sent = provider.sent
            told = bench.fetch()
            found.append(Calm(told.state, told.moved, provider.sent - sent))
    return found


@functools.cache
def _country():  # type: ignore[no-untyped-def]
    return load_country("khm").model_copy(update={"bounds": BOUNDS})


@contextmanager
def _session(provider: Provider) -> Iterator[Web]:
    """A session as in the real world, but for its time."""
    clock = Clock()
    provider.clock = clock
    waits = SimpleNamespace(sleep=clock.sleep)
    with (
        mock.patch("tenacity.nap.time", waits),
        mock.patch.dict(os.environ, {"EARTHDATA_TOKEN": TOKEN}),
        open_web(SILENCE, sleep=clock.sleep, clock=clock) as web,
    ):
        yield web


@contextmanager
def _told_of_everything() -> Iterator[list[str]]:
    """All that is logged, however unimportant."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    root, ear = logging.getLogger(), Ear(logging.DEBUG)
    level = root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        yield heard
    finally:
        root.removeHandler(ear)
        root.setLevel(level)


def counted(outcomes: list[Outcome]) -> str:
    """A table by protocol."""
    lines = [
        f"{'protocol':<20} {'tried':>5} {'can be had':>10} {'had':>5} {'else right':>10} {'one sentence':>12} {'wrong':>5}"
    ]
    names = [protocol.name for protocol in PROTOCOLS]
    for name in [*names, "all"]:
        those = [one for one in outcomes if name in ("all", one.sequence.protocol.name)]
        able = [one for one in those if one.sequence.can_be_had]
        rest = [one for one in those if not one.sequence.can_be_had]
        count = Counter(one.right for one in rest)
        lines.append(
            f"{name:<20} {len(those):>5} {len(able):>10} {sum(one.right for one in able):>5} {count[True]:>10}"
            f" {sum(not one.right for one in those):>12} {sum(bool(one.wrong) for one in those):>5}"
        )
    return "\n".join(lines)


def had(outcomes: list[Outcome]) -> float:
    """Of the sequences through which the right bytes can be had, the share through which they were."""
    able = [one for one in outcomes if one.sequence.can_be_had]
    return sum(one.right for one in able) / len(able)


def run(seed: int, number: int) -> list[Outcome]:
    """Try every sequence of a seed."""
    outcomes = []
    for sequence in drawn(seed, number):
        with TemporaryDirectory() as folder:
            outcomes.append(tried(sequence, Path(folder)))
    return outcomes


def main() -> None:
    """Print what became of the sequences of a seed."""
    logging.getLogger("poverty_assets").addHandler(logging.NullHandler())
    seed, number = (int(word) for word in [*sys.argv[1:], *("1", "200")[len(sys.argv) - 1 :]])
    outcomes = run(seed, number)
    for one in outcomes:
        if one.wrong or (one.sequence.can_be_had and not one.right):
            print(f"{one.sequence}\n  {one.told.state}: {one.told.words}".replace("\n", "\n  "))
            print("".join(f"  WRONG: {words}\n" for words in one.wrong), end="")
    print(counted(outcomes))
    wrong = sum(bool(one.wrong) for one in outcomes)
    print(f"right bytes in {had(outcomes):.1%} of those in which they can be had; {wrong} wrong")
    sys.exit(wrong > 0 or had(outcomes) < 0.95)


if __name__ == "__main__":
    main()
