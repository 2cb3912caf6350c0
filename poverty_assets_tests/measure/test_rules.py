"""The rule language: three-valued, over columns, and nothing but itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from poverty_assets.measure.rules import Answers, Members, RuleError, parse_rule

NULL = np.nan
TRUE, FALSE = 1.0, 0.0


def evaluate(text: str, **columns: list[object]) -> list[float]:
    n = max((len(values) for values in columns.values()), default=1)
    frame = {name: Answers.of(pd.Series(values)) for name, values in columns.items()}
    return parse_rule(text).evaluate(frame, n).to_float().tolist()


def over_members(text: str, household: list[int], n: int, **columns: list[object]) -> list[float]:
    members = Members({k: Answers.of(pd.Series(v)) for k, v in columns.items()}, np.array(household, dtype=np.int64))
    return parse_rule(text).evaluate({}, n, members).to_float().tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x and y", [TRUE, FALSE, NULL, FALSE, FALSE, FALSE, NULL, FALSE, NULL]),
        ("x or y", [TRUE, TRUE, TRUE, TRUE, FALSE, NULL, TRUE, NULL, NULL]),
        ("not x", [FALSE, FALSE, FALSE, TRUE, TRUE, TRUE, NULL, NULL, NULL]),
        ("x == y", [TRUE, FALSE, NULL, FALSE, TRUE, NULL, NULL, NULL, NULL]),
        ("known(x) and x", [TRUE, TRUE, TRUE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE]),
    ],
)
def test_logic_has_three_values(text: str, expected: list[float]) -> None:
    x = [1, 1, 1, 0, 0, 0, NULL, NULL, NULL]
    y = [1, 0, NULL] * 3
    np.testing.assert_array_equal(evaluate(text, x=x, y=y), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x in [1, 3]", [1, 0, 1, NULL]),
        ("x not in [1, 3]", [0, 1, 0, NULL]),
        ("x is null", [0, 0, 0, 1]),
        ("x is not null", [1, 1, 1, 0]),
        ("2 <= x < 3", [0, 1, 0, NULL]),
        ("10 * x + 1", [11, 21, 31, NULL]),
        ("6 / (x - 2)", [-6, NULL, 6, NULL]),
        ("-x", [-1, -2, -3, NULL]),
        ("x if x > 1 else null", [NULL, 2, 3, NULL]),
        ("(x == 1) + (x < 3)", [2, 1, 0, NULL]),
    ],
)
def test_comparisons_and_arithmetic_of_unknown_are_unknown(text: str, expected: list[float]) -> None:
    np.testing.assert_array_equal(evaluate(text, x=[1, 2, 3, NULL]), expected)


def test_text_is_compared_with_text_only() -> None:
    assert evaluate("fuel in ['wood', 'dung']", fuel=["wood", "gas"]) == [1, 0]
    with pytest.raises(RuleError, match=r"'wood' is compared with 3\.0"):
        evaluate("fuel < 3", fuel=["wood"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any(x)", [1, NULL, 0, 0]),
        ("all(x)", [0, 0, 0, 1]),
        ("any(x, of=known(x))", [1, 0, 0, 0]),
        ("count(of=known(x))", [2, 1, 1, 0]),
        ("count()", [2, 2, 1, 0]),
        ("max(x)", [1, 0, 0, NULL]),
        ("min(x)", [0, 0, 0, NULL]),
        ("sum(x)", [1, NULL, 0, 0]),
    ],
)
def test_members_are_summed_up_for_their_household(text: str, expected: list[float]) -> None:
    got = over_members(text, household=[0, 0, 1, 1, 2], n=4, x=[1, 0, NULL, 0, 0])
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "x.y", "x[0]", "lambda: 1", "[y for y in x]", "open('f')", "x is 3", "x in y", "any(any(x))",
     "any(x, 1)", "x ** 9", "f'{x}'", "x =", "(yield)", "b'x'"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(RuleError):
        parse_rule(text)
