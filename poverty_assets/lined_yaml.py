"""Yaml read together with the line of every value, so that a fault in a country's file can be pointed at.

Belongs here: the one way in which this project reads yaml, asking for a key of it, and holding it against a form. Does not belong
here: what a particular file should say (``pack``, ``measure``, ``sources.surveys``).

Plain yaml is understood, with anchors and aliases; tags, merge keys (``<<``) and a key given twice are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from poverty_assets.errors import MissingFile, SpecificationError

Place = tuple[str | int, ...]
T = TypeVar("T")

EACH_LANGUAGE = "_*"
"""End of a known key that stands for one in each language: ``name_*`` for ``name_en``, ``name_fr``."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")
MOST_VALUES = 100_000
"""Values that a file may hold with its aliases written out: our longest has some 4,000."""
DEEPEST = 100
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "timestamp", "str", "map", "seq")}


@dataclass(frozen=True)
class LinedYaml:
    """What was read from yaml.

    Attributes
    ----------
    file : Path
    value : plain values
    lines : dict of place to int
        Line of each place of the file.
    at : tuple
        The place within the file that this part of it stands at.
    faults : list of SpecificationError, optional
        Where ``noted`` puts what is wrong, while the file is being read by ``collected``.
    borrowed : dict of place to (Path, int)
        Places that stand in another file, and where: see ``laid_over``.
    """

    file: Path
    value: Any
    lines: dict[Place, int]
    at: Place = ()
    faults: list[SpecificationError] | None = field(default=None, compare=False)
    borrowed: Mapping[Place, tuple[Path, int]] = field(default_factory=dict, compare=False)

    def line(self, *key: str | int) -> int:
        """Line of a key, or of the nearest thing around it, counted from 1."""
        place = (*self.at, *key)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def place(self, *key: str | int, named: str = "") -> str:
        """Where a key stands, in words: its line, and where it is borrowed from another file also the line there."""
        place = (*self.at, *key)
        while place and place not in self.lines and place not in self.borrowed:
            place = place[:-1]
        lender = self.borrowed.get(place)
        words = ", ".join(part for part in (f"line {self.line(*key)}", named) if part)
        return f"{words} ({lender[0].name}, line {lender[1]})" if lender else words

    def fault(self, problem: str, remedy: str, *key: str | int) -> SpecificationError:
        """An error with the file, the line of ``key``, what is wrong and the remedy."""
        return SpecificationError(problem, file=self.file, place=self.place(*key), remedy=remedy)

    def refuse(self, problem: str, remedy: str, *key: str | int) -> NoReturn:
        """Raise ``fault``."""
        raise self.fault(problem, remedy, *key)

    def noted(self, instead: T, problem: str, remedy: str, *key: str | int) -> T:
        """Refuse, or while reading by ``collected`` note the fault and go on with ``instead``."""
        if self.faults is None:
            self.refuse(problem, remedy, *key)
        self.faults.append(self.fault(problem, remedy, *key))
        return instead

    def collected(self, read: Callable[[LinedYaml], T]) -> T:
        """What ``read`` makes of this part; all faults that it notes on the way are raised together."""
        faults: list[SpecificationError] = []
        try:
            out = read(replace(self, faults=faults))
        except SpecificationError as error:
            raise SpecificationError.together([*faults, error]) from None
        if faults:
            raise SpecificationError.together(faults)
        return out

    def part(self, *key: str | int) -> LinedYaml:
        """The part under ``key``."""
        value = self.value
        for step in key:
            value = value[step]
        return replace(self, value=value, at=(*self.at, *key))

    def laid_over(self, other: LinedYaml) -> LinedYaml:
        """This part's mapping laid over another's: mappings within are joined key by key, all else stands in place of the other's.

        Of what is borrowed from the other, messages name the line of this part and that of the other.
        """
        borrowed = dict(self.borrowed)

        def laid(own: Any, theirs: Any, place: Place) -> Any:
            if not isinstance(own, dict) or not isinstance(theirs, dict):
                return own
            ours = {key: laid(value, theirs.get(key), (*place, key)) for key, value in own.items()}
            return ours | {key: lent(value, (*place, key)) for key, value in theirs.items() if key not in own}

        def lent(value: Any, place: Place) -> Any:
            borrowed[(*self.at, *place)] = (other.file, other.line(*place))
            pairs = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
            for step, child in pairs:
                lent(child, (*place, step))
            return value

        return replace(self, value=laid(self.value, other.value, ()), borrowed=borrowed)

    def items(self, key: str) -> list[LinedYaml]:
        """The mappings of the list under ``key``; an absent list is empty."""
        values = self.value.get(key) or []
        if not isinstance(values, list) or any(not isinstance(value, dict) for value in values):
            self.refuse(f"{key} is not a list of mappings", f"write {key} as a list, each entry of it key: value", key)
        return [self.part(key, i) for i in range(len(values))]

    def each(self, key: str, read: Callable[[LinedYaml], T]) -> list[T]:
        """What ``read`` makes of each mapping of the list under ``key``; faults of one do not hide those of the next."""
        out: list[T] = []
        faults: list[SpecificationError] = []
        for part in self.items(key):
            try:
                out.append(part.collected(read))
            except SpecificationError as error:
                faults.append(error)
        if faults and self.faults is None:
            raise SpecificationError.together(faults)
        if self.faults is not None:
            self.faults.extend(faults)
        return out

    def check_unique(self, key: str, name: str) -> None:
        """Refuse entries of the list under ``key`` that have the ``name`` of one before them."""
        seen = set()
        for part in self.items(key):
            value = str(part.value.get(name))
            if name in part.value and value in seen:
                part.noted(None, f"{value!r} is there twice", f"give each of {key} its own name", name)
            seen.add(value)

    def text(self, key: str, default: str | None = None) -> str:
        """A text, with its line ends folded; numbers are taken as written."""
        value = self.value.get(key, default)
        if value is None or isinstance(value, dict | list) or str(value).strip() == "":
            at = [key] if key in self.value else []
            return self.noted("", f"{key} is missing", f"add a line `{key}: ...`", *at)
        return " ".join(str(value).split())

    def spoken(self, key: str, english: str) -> dict[str, str]:
        """A text in each language that the part has it in: English under the key ``english``, others under ``<key>_<code>``."""
        named = [str(name) for name in self.value if str(name).startswith(f"{key}_")]
        others = [name for name in named if _LANGUAGE.fullmatch(name[len(key) + 1 :])]
        texts = {name.removeprefix(f"{key}_"): self.text(name) for name in others if name != english}
        return {"en": self.text(english), **texts}

    def number(self, value: object, key: str) -> float:
        """A number (given under ``key``)."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return self.noted(
                float("nan"), f"{key} is {value!r}", "write a number", *([key] if key in self.value else [])
            )
        return float(value)

    def yes_or_no(self, key: str) -> bool:
        """True or false, as written under ``key``; false where nothing is."""
        value = self.value.get(key, False)
        return (
            value if isinstance(value, bool) else self.noted(False, f"{key} is {value!r}", "write true or false", key)
        )

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """One of a few texts."""
        value = self.text(key, default)
        if value and value not in allowed:
            return self.noted("", f"{key} is {value!r}", f"write {' or '.join(allowed)}", key)
        return value

    def check_keys(self, known: Collection[str]) -> None:
        """Refuse a part that is not a mapping, or has keys that are not known (``name_*``: one in each language)."""
        if not isinstance(self.value, dict):
            self.refuse("a mapping (key: value) is expected here", "see another file of this kind")
        spoken = [key.removesuffix("*") for key in known if key.endswith(EACH_LANGUAGE)]
        for key in self.value:
            if key not in known and not any(
                str(key).startswith(start) and _LANGUAGE.fullmatch(str(key)[len(start) :]) for start in spoken
            ):
                self.noted(None, f"unknown key {key!r}", nearest(key, known), key)

    def checked(self, form: Any) -> Any:
        """This part as ``form`` (a pydantic model, or any annotation of such).

        Raises
        ------
        SpecificationError
            Naming everything that does not fit, each with its entry, key and line.
        """
        try:
            return TypeAdapter(form).validate_python(self.value)
        except ValidationError as error:
            found = sorted((self._misfit(one) for one in error.errors(include_url=False)), key=lambda pair: pair[0])
            faults: list[SpecificationError] = []
            for _, fault in found:
                last = faults[-1] if faults else fault
                if last is not fault and last.place == fault.place and "input should be" in last.problem:
                    # what may be of two kinds is neither of them
                    faults[-1] = _either(last, fault)
                else:
                    faults.append(fault)
            raise SpecificationError.together(faults) from None

    def _misfit(self, error: ErrorDetails) -> tuple[int, SpecificationError]:
        """The line of the place in the file that pydantic's error means, and the fault there."""
        context = error.get("ctx", {})
        at: list[str | int] = []
        named: list[str] = []
        value = self.value
        told = [context["discriminator"].strip("'")] if error["type"] == "union_tag_invalid" else []
        for step in (*error["loc"], *told, *context.get("key", ())):
            # pydantic also counts steps that are not in the file: the kind chosen among several, a key that is missing
            if isinstance(value, dict) and step in value:
                named.append(str(step))
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                named.append(_name_of(value[step], step))
            else:
                continue
            at.append(step)
            value = value[step]
        problem, remedy = _words(error, context)
        place = self.place(*at, named=".".join(named))
        return self.line(*at), SpecificationError(problem, file=self.file, place=place, remedy=remedy)


class Form(BaseModel):
    """Base of what a part of a yaml file may say: frozen, and an unknown key is refused with the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="wrap")
    @classmethod
    def _name_the_nearest(cls, value: Any, validate: Any) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            known = [field.alias or name for name, field in cls.model_fields.items()]
            found = [_again(one, known) for one in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, found) from None


def misfit(problem: str, remedy: str, *key: str | int) -> PydanticCustomError:
    """What a validator of a ``Form`` finds: what is wrong with it (under ``key``), and the remedy."""
    return PydanticCustomError(_OURS, "{problem}", {"problem": problem, "remedy": remedy, "key": key})


def raise_misfits(found: list[PydanticCustomError]) -> None:
    """All that a validator found at once; nothing where it found nothing."""
    if found:
        details = [InitErrorDetails(type=one, loc=(), input=None) for one in found]
        raise ValidationError.from_exception_data("form", details)


_OURS = "misfit"


def _again(error: ErrorDetails, known: list[str]) -> InitErrorDetails:
    context = error.get("ctx", {})
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        kind: Any = misfit(f"unknown key {error['loc'][0]!r}", nearest(error["loc"][0], known))
    elif error["type"] == _OURS:
        kind = misfit(context["problem"], context["remedy"], *context["key"])
    else:
        return InitErrorDetails(type=error["type"], loc=error["loc"], input=error["input"], ctx=context)
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"])


def _words(error: ErrorDetails, context: dict[str, Any]) -> tuple[str, str]:
    """What is wrong and the remedy, in words."""
    kind, given = error["type"], error["input"]
    if kind == _OURS:
        return context["problem"], context["remedy"]
    if kind == "missing":
        return f"{error['loc'][-1]} is missing", f"add `{error['loc'][-1]}: ...`"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        key, known = context["discriminator"].strip("'"), str(context.get("expected_tags", "")).replace("'", "")
        if "tag" not in context:
            return f"{key} is missing", f"add `{key}: ...`"
        return f"{key} is {context['tag']!r}", nearest(context["tag"], known.split(", "))
    said = error["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(given, dict | list) else f"; it is {given!r}"
    quoted = "put it in quotes: unquoted, yaml reads no, yes, on and off as true or false"
    wants_text = isinstance(given, bool) and "string" in said
    return said[0].lower() + said[1:] + shown, quoted if wants_text else "correct it"


def _either(one: SpecificationError, other: SpecificationError) -> SpecificationError:
    problem = f"{one.problem.split(';')[0]}, or {other.problem}"
    return SpecificationError(problem, file=one.file, place=one.place, remedy=one.remedy)


def nearest(name: object, known: Collection[str]) -> str:
    """The remedy for a name that is not known."""
    near = get_close_matches(str(name), known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"use one of: {', '.join(sorted(known))}" if known else "nothing can be said here: leave it out"


def _name_of(entry: Any, number: int) -> str:
    """An entry of a list by its own id, where it has one."""
    names = [v for k, v in entry.items() if str(k).endswith("_id") and v] if isinstance(entry, dict) else []
    return str(names[0]) if names else f"[{number}]"


def columns_of(texts: Mapping[str, str], languages: Iterable[str], key: str = "name") -> dict[str, str | None]:
    """A text in each of these languages as columns, None where there is none.

    Examples
    --------
    >>> columns_of({"en": "Water", "fr": "Eau"}, ["en", "ky"])
    {'name_en': 'Water', 'name_ky': None}
    """
    return {f"{key}_{language}": texts.get(language) for language in languages}


def read_lined_yaml(
    path: Path | str, kind: type[dict[Any, Any]] | type[list[Any]] = dict, *, optional: bool = False
) -> LinedYaml:
    """Read a yaml file that holds a mapping (or a list).

    Raises
    ------
    MissingFile
        If there is no such file; one that is ``optional`` is then as if it were empty.
    SpecificationError
        If it is not yaml, holds a key twice, or is not of that kind.
    """
    file = Path(path)
    if optional and not file.exists():
        return LinedYaml(file, kind(), {})
    if not file.is_file():
        raise MissingFile("there is no such file", file=file, remedy="check the path and the name")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecificationError(
            f"the file is not UTF-8: {error.reason}", file=file, remedy="save it as UTF-8"
        ) from None
    return parse_lined_yaml(text, file, kind)


def parse_lined_yaml(text: str, file: Path | str, kind: type[dict[Any, Any]] | type[list[Any]] = dict) -> LinedYaml:
    """The same from its text; ``file`` is what messages name."""
    file = Path(file)
    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else None
        problem = getattr(error, "problem", None) or str(error)
        raise SpecificationError(
            f"this is not valid yaml: {problem}", file=file, place=place, remedy=_mend(problem)
        ) from None
    lines: dict[Place, int] = {}
    value = _Plain(file, lines).of(node, ()) if node is not None else None
    whole = LinedYaml(file, value, lines)
    if not isinstance(value, kind):
        wanted = "mapping" if kind is dict else "list"
        remedy = "write `key: value` lines" if kind is dict else "begin each entry with `- `"
        whole.refuse(f"the file is empty or not a {wanted}", remedy)
    return whole


def _mend(problem: str) -> str:
    """What to do about a fault of yaml, by what its reader says."""
    if "mapping values are not allowed" in problem:
        return "a text that holds ': ' must be in quotes"
    return "correct the indentation or quoting"


class _Plain:
    """Nodes as plain values, noting the line of each."""

    def __init__(self, file: Path, lines: dict[Place, int]) -> None:
        self.file = file
        self.lines = lines
        self.values = 0
        self.constructor = yaml.constructor.SafeConstructor()

    def of(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        self.values += 1
        if self.values > MOST_VALUES or len(place) > DEEPEST:
            self.refuse(
                node, "the file holds too much", "its aliases stand for each other, or it is no file of this kind"
            )
        if isinstance(node, yaml.SequenceNode):
            self.check_tag(node)
            return [self.of(child, (*place, i)) for i, child in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self.scalar(node)
        self.check_tag(node)
        out: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.refuse(key_node, "a key is a list or a mapping", "write a name")
            key = self.scalar(key_node)
            if key in out:
                self.refuse(key_node, f"key {key!r} is there twice", "keep one of the two")
            self.lines[(*place, key)] = key_node.start_mark.line + 1
            out[key] = self.of(value_node, (*place, key))
        return out

    def scalar(self, node: yaml.Node) -> Any:
        self.check_tag(node)
        try:
            return self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:  # a date such as 2022-13-01
            return self.refuse(node, f"{node.value!r} cannot be read: {error}", "correct it, or put it in quotes")

    def check_tag(self, node: yaml.Node) -> None:
        if node.tag not in _TAGS:
            name = node.tag.replace("tag:yaml.org,2002:", "!!")
            problem, remedy = f"the tag {name} is not understood", "write plain yaml"
            if name == "!!merge":
                problem, remedy = "the merge key << is not understood", "write the keys out"
            self.refuse(node, problem, remedy)

    def refuse(self, node: yaml.Node, problem: str, remedy: str) -> NoReturn:
        line = node.start_mark.line + 1
        raise SpecificationError(problem, file=self.file, place=f"line {line}", remedy=remedy)
