"""The small language in which a measure says when a household is deprived.

Belongs here: its grammar, the names a rule uses, and its evaluation over columns. Does not belong here: the measure and
its file (``measure``).

The language is a part of Python's expressions, parsed with ``ast`` and never run as Python: comparisons, ``and or not``,
``in``, ``is null``, ``a if b else c``, arithmetic, and over the members of a household ``any all min max sum count``,
each with ``of=`` to say which members count. Truth has three values: a comparison with an unknown value is unknown,
``and`` is false where either side is false, ``or`` is true where either side is true. ``known(x)`` is ``x is not null``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
AGGREGATES = ("any", "all", "min", "max", "sum", "count")
CONSTANTS = {"null": None, "true": True, "false": False}
_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class RuleError(ValueError):
    """A rule that cannot be read or evaluated; ``measure`` turns it into a SpecificationError with file and line."""


@dataclass(frozen=True)
class Answers:
    """Values of an expression, and which of them are known."""

    values: Array
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, series: Any) -> Answers:
        """A column of a frame: numbers as float, anything else as it is; missing is unknown."""
        s = pd.Series(series)
        known = s.notna().to_numpy(dtype=bool)
        if pd.api.types.is_numeric_dtype(s.dtype) or pd.api.types.is_bool_dtype(s.dtype):
            return cls(s.astype("Float64").to_numpy(dtype=float, na_value=0.0), known)
        return cls(s.astype(object).to_numpy(), known)

    @classmethod
    def constant(cls, value: Any, n: int) -> Answers:
        """The same value for all rows; None is unknown."""
        if value is None:
            return cls(np.zeros(n), np.zeros(n, dtype=bool))
        kept = float(value) if isinstance(value, bool | int | float) else value
        return cls(np.full(n, kept, dtype=object if isinstance(kept, str) else float), np.ones(n, dtype=bool))

    @property
    def true(self) -> npt.NDArray[np.bool_]:
        """Known and true."""
        return self.known & (self._numbers() != 0)

    @property
    def false(self) -> npt.NDArray[np.bool_]:
        """Known and not true."""
        return self.known & (self._numbers() == 0)

    def to_float(self) -> npt.NDArray[np.float64]:
        """Numbers, NaN where not known."""
        return np.where(self.known, self._numbers(), np.nan)

    def _numbers(self) -> npt.NDArray[np.float64]:
        if self.values.dtype == object and self.known.any():
            raise RuleError(f"{self.values[self.known][0]!r} is used as a number or a truth value")
        return np.zeros(len(self.values)) if self.values.dtype == object else self.values


@dataclass(frozen=True)
class Members:
    """Rows of household members: their columns, and the household (row number) that each belongs to."""

    columns: Mapping[str, Answers]
    household: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rule:
    """A parsed expression: its text, and the columns of households and of members that it uses."""

    text: str
    tree: ast.expr
    household_columns: frozenset[str]
    member_columns: frozenset[str]

    def evaluate(self, columns: Mapping[str, Answers], n: int, members: Members | None = None) -> Answers:
        """Values of the expression for ``n`` rows.

        Raises
        ------
        RuleError
            If text is compared with a number, or members are asked for and none are given.
        """
        return _Evaluation(columns, n, members).of(self.tree)


def parse_rule(text: str) -> Rule:
    """Read a rule.

    Raises
    ------
    RuleError
        If it is not in the language; the message names the first thing that is not.
    """
    try:
        tree = ast.parse(" ".join(str(text).split()), mode="eval").body
    except SyntaxError as error:
        raise RuleError(f"{text!r} is not an expression: {error.msg}") from None
    households: set[str] = set()
    members: set[str] = set()
    _check(tree, households, members, in_members=False)
    return Rule(str(text), tree, frozenset(households), frozenset(members))


def _check(node: ast.AST, households: set[str], members: set[str], *, in_members: bool) -> None:
    def check(*children: ast.AST) -> None:
        for child in children:
            _check(child, households, members, in_members=in_members)

    match node:
        case ast.Name(id=name):
            if name not in CONSTANTS:
                (members if in_members else households).add(name)
        case ast.Constant(value=value) if isinstance(value, int | float | str):
            pass
        case ast.BoolOp(values=values):
            check(*values)
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            check(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            check(left, right)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            check(test, body, orelse)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            check(left)
            for comparison, other in zip(ops, comparators, strict=True):
                _check_comparison(comparison, other)
                if not isinstance(comparison, ast.In | ast.NotIn):
                    check(other)
        case ast.Call(func=ast.Name(id="known"), args=[argument], keywords=[]):
            check(argument)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in AGGREGATES:
            if in_members:
                raise RuleError(f"{name}() inside another one")
            if len(arguments) != (0 if name == "count" else 1) or any(k.arg != "of" for k in keywords):
                raise RuleError(f"{name}() takes {'no' if name == 'count' else 'one'} expression, and `of=`")
            for inner in [*arguments, *(k.value for k in keywords)]:
                _check(inner, households, members, in_members=True)
        case _:
            raise RuleError(f"`{ast.unparse(node)}` is not part of the rule language")


def _check_comparison(op: ast.cmpop, other: ast.expr) -> None:
    if isinstance(op, ast.In | ast.NotIn):
        literal = isinstance(other, ast.List | ast.Tuple) and all(isinstance(e, ast.Constant) for e in other.elts)
        if not literal:
            raise RuleError(f"`in` needs a list of values such as [1, 2], not `{ast.unparse(other)}`")
    elif isinstance(op, ast.Is | ast.IsNot):
        if not (isinstance(other, ast.Name) and other.id == "null"):
            raise RuleError("`is` is for `is null` and `is not null` only; write == to compare")
    elif type(op) not in _COMPARE:
        raise RuleError(f"comparison {type(op).__name__} is not part of the rule language")


@dataclass(frozen=True)
class _Evaluation:
    columns: Mapping[str, Answers]
    n: int
    members: Members | None

    def of(self, node: ast.AST) -> Answers:
        match node:
            case ast.Name(id=name):
                return Answers.constant(CONSTANTS[name], self.n) if name in CONSTANTS else self.columns[name]
            case ast.Constant(value=value):
                return Answers.constant(value, self.n)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.of(operand)
                return Answers(inner.false.astype(float), inner.known)
            case ast.UnaryOp(operand=operand):
                inner = self.of(operand)
                return Answers(-inner.to_float(), inner.known)
            case ast.BoolOp(op=op, values=values):
                return self._logic([self.of(v) for v in values], conjunction=isinstance(op, ast.And))
            case ast.BinOp(left=left, op=op, right=right):
                return self._arithmetic(_ARITHMETIC[type(op)], self.of(left), self.of(right))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._choice(self.of(test), self.of(body), self.of(orelse))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                return self._comparison(left, ops, comparators)
            case ast.Call(func=ast.Name(id="known"), args=[argument]):
                return Answers(self.of(argument).known.astype(float), np.ones(self.n, dtype=bool))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords):
                return self._aggregate(
                    name, arguments[0] if arguments else None, keywords[0].value if keywords else None
                )
        raise RuleError(f"`{ast.unparse(node)}` is not part of the rule language")

    @staticmethod
    def _logic(parts: list[Answers], *, conjunction: bool) -> Answers:
        decided = [part.false if conjunction else part.true for part in parts]
        any_decided = np.logical_or.reduce(decided)
        known = any_decided | np.logical_and.reduce([part.known for part in parts])
        return Answers((known & (any_decided ^ conjunction)).astype(float), known)

    @staticmethod
    def _arithmetic(apply: Callable[[Any, Any], Any], left: Answers, right: Answers) -> Answers:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = apply(left.to_float(), right.to_float())
        known = left.known & right.known & np.isfinite(values)  # a division by zero is not known
        return Answers(np.where(known, values, 0.0), known)

    @staticmethod
    def _choice(test: Answers, yes: Answers, no: Answers) -> Answers:
        kind = object if object in (yes.values.dtype, no.values.dtype) else float
        values = np.where(test.true, yes.values.astype(kind), no.values.astype(kind))
        return Answers(values, test.known & np.where(test.true, yes.known, no.known))

    def _comparison(self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]) -> Answers:
        parts = []
        a = self.of(left)
        for op, node in zip(ops, comparators, strict=True):
            if isinstance(op, ast.Is | ast.IsNot):
                truth = a.known if isinstance(op, ast.IsNot) else ~a.known
                parts.append(Answers(truth.astype(float), np.ones(self.n, dtype=bool)))
            elif isinstance(op, ast.In | ast.NotIn):
                listed = [e.value for e in node.elts]  # type: ignore[attr-defined]  # a list, checked when parsed
                truth = pd.Series(a.values).isin(listed).to_numpy() ^ isinstance(op, ast.NotIn)
                parts.append(Answers((truth & a.known).astype(float), a.known))
            else:
                b = self.of(node)
                parts.append(self._compared(_COMPARE[type(op)], a, b))
                a = b
        return parts[0] if len(parts) == 1 else self._logic(parts, conjunction=True)

    @staticmethod
    def _compared(compare: Callable[[Any, Any], Any], a: Answers, b: Answers) -> Answers:
        known = a.known & b.known
        truth = np.zeros(len(known))
        try:
            truth[known] = compare(a.values[known], b.values[known])
        except TypeError:
            left, right = (part.values[known].tolist()[0] for part in (a, b))
            raise RuleError(f"{left!r} is compared with {right!r}") from None
        return Answers(truth, known)

    def _aggregate(self, name: str, argument: ast.expr | None, of: ast.expr | None) -> Answers:
        if self.members is None:
            raise RuleError(f"{name}() needs the table of household members, which this survey does not give")
        household = self.members.household
        inner = _Evaluation(self.members.columns, len(household), None)
        counts = np.ones(len(household), dtype=bool) if of is None else inner.of(of).true
        number = np.bincount(household[counts], minlength=self.n).astype(float)
        all_known = np.ones(self.n, dtype=bool)
        if name == "count" or argument is None:
            return Answers(number, all_known)
        value = inner.of(argument)
        unknown = np.bincount(household[counts & ~value.known], minlength=self.n) > 0
        if name in ("any", "all"):
            true = np.bincount(household[counts & value.true], minlength=self.n) > 0
            false = np.bincount(household[counts & value.false], minlength=self.n) > 0
            decided = true if name == "any" else false
            known = decided | ~unknown
            return Answers((known & (decided if name == "any" else ~decided)).astype(float), known)
        rows = counts & value.known
        numbers = value.to_float()[rows]
        if name == "sum":
            total = np.bincount(household[rows], weights=numbers, minlength=self.n)
            return Answers(total, ~unknown)
        extreme = np.full(self.n, -np.inf if name == "max" else np.inf)
        (np.maximum if name == "max" else np.minimum).at(extreme, household[rows], numbers)
        known = np.isfinite(extreme)  # the extreme of the members whose value is known
        return Answers(np.where(known, extreme, 0.0), known)
