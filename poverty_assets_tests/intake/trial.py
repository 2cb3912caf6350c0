"""What the gate says of a changed landing folder: in a process of its own, within a time.

Belongs here: running and sorting. Does not belong here: the changes (``mutations``).

``python -m poverty_assets_tests.intake.trial [SEED] [NUMBER] [both]`` prints the table of outcomes by kind, and each that is wrong; with
``both`` the source assets of a refresh and ``validate`` are asked, and have to agree.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from poverty_assets.errors import InputError
from poverty_assets.quarter import Quarter
from poverty_assets.settings import Settings
from poverty_assets_tests.intake.landing_files import COMMUNES
from poverty_assets_tests.intake.mutations import Mutation, drawn, every
from poverty_assets_tests.landing import write_landing

SECONDS = 60.0
"""After so long an input counts as one that hangs; the slowest takes two on an idle machine."""
QUARTER = Quarter(2022, 4)
Act = Callable[[Path, str], list[str]]
"""Gives the messages of what is refused of a folder of which this file was changed."""


@dataclass(frozen=True)
class Outcome:
    """What was said of one input.

    Attributes
    ----------
    seed, mutation
        Which input.
    said : str
        ``accepted, refused, traceback, hang``, ``differ`` where source assets and ``validate`` do not agree, or ``poor`` for a refusal
        without file or remedy.
    message : str
    """

    seed: int
    mutation: Mutation
    said: str
    message: str

    @property
    def is_right(self) -> bool:
        """Whether that is what the input deserves."""
        return self.said == ("accepted" if self.mutation.harmless else "refused")


class Disagreement(Exception):
    """Source assets and ``validate`` say otherwise of one folder."""


def settings_of(folder: Path) -> Settings:
    return Settings(sources="landing", landing=folder, home=folder.parent / "home", country="khm")


def validated(folder: Path, file: str) -> list[str]:
    """What ``validate`` refuses of the whole folder."""
    from poverty_assets.intake.validation import validate_landing

    return [message for _, message in validate_landing(settings_of(folder)) if message is not None]


def gated(folder: Path, file: str) -> list[str]:
    """What source assets of a refresh refuse that read the file, or what is held against it."""
    from poverty_assets.intake.gate import admit
    from poverty_assets.pack.country import load_country, load_sources

    country = load_country("khm")
    specs, messages = load_sources(country, simulated=False), []
    for spec in specs:
        is_one = spec.path == file or file.startswith(spec.path + "/")
        goes_along = {"boundaries": spec.path == COMMUNES, "published": spec.source_id == "ophi_national"}
        if is_one or goes_along.get(Path(file).parts[0], False):
            try:
                admit(spec, QUARTER, folder, country, specs)
            except InputError as error:
                messages.append(error.message)
    return messages


def agreed(folder: Path, file: str) -> list[str]:
    """What source assets refuse, as ``validate`` does.

    Raises
    ------
    Disagreement
        If one of the two accepts what the other refuses.
    """
    of_assets, of_validate = gated(folder, file), validated(folder, file)
    if bool(of_assets) != bool(of_validate):
        raise Disagreement(f"source assets: {of_assets or 'accepted'}; validate: {of_validate or 'accepted'}")
    return of_assets


def _answer(act: Act, folder: Path, file: str, answer: Connection) -> None:
    try:
        messages = act(folder, file)
        answer.send(("refused" if messages else "accepted", "\n".join(messages)))
    except InputError as error:
        answer.send(("refused", error.message))
    except Disagreement as error:
        answer.send(("differ", str(error)))
    except BaseException:  # whatever it is, it is what a person would see
        answer.send(("traceback", traceback.format_exc()))


def within(seconds: float, act: Act, folder: Path, file: str) -> tuple[str, str]:
    """What a process of its own says of a folder; whoever takes longer is ended."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(act, folder, file, there))
    process.start()
    there.close()
    try:
        if not here.poll(seconds):
            return "hang", f"no answer within {seconds:g} s"
        return here.recv()
    except EOFError:
        return "traceback", "the process ended without an answer"
    finally:
        process.kill()
        process.join()


def tried(landing: Path, work: Path, seed: int, mutation: Mutation, act: Act = gated) -> Outcome:
    """Change a copy of a landing folder and hear what is said of it."""
    folder = Path(shutil.copytree(landing, work / f"landing_{seed}"))
    try:
        mutation.change(folder, np.random.default_rng(seed))
        said, message = within(SECONDS, act, folder, mutation.file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(work / f"landing_{seed}_outside", ignore_errors=True)
    if said == "refused" and (
        "Remedy:" not in message or "unexpected" in message or Path(mutation.file).parts[0] not in message
    ):
        said = "poor"
    return Outcome(seed, mutation, said, message)


def table(outcomes: list[Outcome]) -> str:
    """Outcomes by kind, for people."""
    kinds = sorted({(o.mutation.kind, o.mutation.harmless) for o in outcomes})
    heads = ("refused", "accepted", "poor", "differ", "traceback", "hang")
    lines = [f"{'kind':24}{'inputs':>8}" + "".join(f"{head:>11}" for head in heads) + f"{'right':>8}"]
    for kind, harmless in kinds:
        own = [o for o in outcomes if (o.mutation.kind, o.mutation.harmless) == (kind, harmless)]
        said = Counter(o.said for o in own)
        name = f"{kind}{', harmless' if harmless else ''}"
        lines.append(
            f"{name:24}{len(own):8}" + "".join(f"{said[h]:11}" for h in heads) + f"{sum(o.is_right for o in own):8}"
        )
    said = Counter(o.said for o in outcomes)
    lines.append(
        f"{'all':24}{len(outcomes):8}"
        + "".join(f"{said[h]:11}" for h in heads)
        + f"{sum(o.is_right for o in outcomes):8}"
    )
    return "\n".join(lines)


def main() -> None:
    act = agreed if sys.argv[-1] == "both" else gated
    asked = [one for one in sys.argv[1:] if one != "both"]
    seed, number = (int(one) for one in [*asked, "1", "40"][:1] + [*asked[1:], "40"][:1])
    with TemporaryDirectory() as made:
        landing = write_landing(Path(made) / "landing")
        wanted = drawn(seed, number) if number else [(i, w) for i, w in enumerate(every())]
        outcomes = []
        for its_seed, mutation in wanted:
            outcome = tried(landing, Path(made), its_seed, mutation, act)
            outcomes.append(outcome)
            if not outcome.is_right:
                last = (outcome.message.strip().splitlines() or [""])[-1][:180]
                print(f"{outcome.said:10} {outcome.mutation} seed {outcome.seed}: {last}", flush=True)
    print(table(outcomes))


if __name__ == "__main__":
    main()
