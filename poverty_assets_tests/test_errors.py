"""Errors reach another process, and a copy of themselves, whole: kind, message, and what stands in their attributes."""

import copy
import inspect
import pickle

import pytest

from poverty_assets import errors
from poverty_assets.errors import (
    ContractViolation,
    FetchFailed,
    GateFailed,
    InputError,
    MachineTrouble,
    PovertyAssetsError,
    SpecificationError,
)
from poverty_assets.fetching.web import NoSuchMethod, NotLetIn, NoToken, NotTheFile, Refused
from poverty_assets.intake.gate import RefusedFile, SenseFinding


def made(kind):
    """One of a kind, with all that it may say."""
    if issubclass(kind, InputError):
        return kind("2 rows\nare wrong", file="a.csv", place="row 3", remedy="mend them")
    if issubclass(kind, FetchFailed):
        return kind("it did not come", address="https://example.org", remedy="try again")
    if issubclass(kind, MachineTrouble):
        return kind("no room", place="/home", remedy="make some")
    if issubclass(kind, GateFailed):
        return kind("two lines\nof a problem", [("key", "twice")])
    return kind("a problem")


KINDS = [
    kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, Exception)
] + [NoToken, NotLetIn, NoSuchMethod, NotTheFile, RefusedFile]  # fmt: skip


def whole():
    """Errors with what is set after they were made."""
    first, second = (
        SpecificationError(f"fault {i}", file="a.yaml", place=f"line {i}", remedy="mend it") for i in (1, 2)
    )
    yield SpecificationError.together([first, second])
    rows = ContractViolation("1 row", file="a.csv")
    rows.rows = (("row 2", "n", "x"),)
    yield rows
    yield RefusedFile.by([SenseFinding("size", error=first), SenseFinding("place", said="fine")])
    yield Refused(429, 7.0)


def said(error):
    """Everything that an error holds, those within it too."""
    if not isinstance(error, Exception):
        return repr(error)
    held = {
        name: [said(one) for one in held] if isinstance(held, tuple) else held for name, held in vars(error).items()
    }
    return type(error), str(error), held


@pytest.mark.parametrize("error", [*map(made, KINDS), *whole()], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_an_error_of_ours_is_whole_in_another_process_and_as_a_copy(error, again):
    assert said(again(error)) == said(error)


def test_what_led_to_an_error_goes_nowhere_with_it():
    error = PovertyAssetsError("a problem")
    error.__cause__ = error.__context__ = ValueError(open)  # what a library held on to
    assert str(pickle.loads(pickle.dumps(error))) == "a problem"
