import pickle
from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from poverty_assets.errors import MissingFile, SpecificationError
from poverty_assets.lined_yaml import Form, misfit, parse_lined_yaml, raise_misfits, read_lined_yaml


class Options(Form):
    encoding: str = "utf-8"
    skip: int = 0


class Table(Form):
    source_id: str
    reader: Literal["csv"]
    options: Options = Options()
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self):
        raise_misfits([] if self.low < self.high else [misfit("low is not below high", "order them", "low")])
        return self


class Grid(Form):
    source_id: str
    reader: Literal["geotiff"]


ENTRIES = list[Annotated[Table | Grid, Field(discriminator="reader")]]

FAULTY = """\
- source_id: register
  reader: csv
  options:
    encodng: mac_roman
    skip: two
- reader: geotiff
  source_id: elevation
  options: {}
- {source_id: towns, reader: cvs}
- source_id: roads
  reader: csv
  high: -1
  low: 3
- reader: geotiff
"""


def faults(text, form=ENTRIES, kind=list):
    with pytest.raises(SpecificationError) as caught:
        parse_lined_yaml(text, "countries/xyz/sources.yaml", kind).checked(form)
    return caught.value


def test_every_fault_is_named_with_its_line_entry_key_and_remedy():
    error = faults(FAULTY)
    found = [(one.place, one.problem, one.remedy) for one in error.several]
    assert found == [
        ("line 4, register.options.encodng", "unknown key 'encodng'", "did you mean 'encoding'?"),
        ("line 5, register.options.skip", found[1][1], "correct it"),
        ("line 8, elevation.options", "unknown key 'options'", "use one of: reader, source_id"),
        ("line 9, towns.reader", "reader is 'cvs'", "did you mean 'csv'?"),
        ("line 13, roads.low", "low is not below high", "order them"),
        ("line 14, [4]", "source_id is missing", "add `source_id: ...`"),
    ]
    assert "valid integer" in found[1][1]
    assert "it is 'two'" in found[1][1]
    assert "(the first of 6 faults)" in error.message
    assert {one.file for one in error.several} == {"countries/xyz/sources.yaml"}
    for one in error.several:
        assert one.place in error.message
        assert one.problem in error.message
        assert one.remedy in error.message
    assert pickle.loads(pickle.dumps(error)).message == error.message


def test_one_fault_is_an_error_of_its_own():
    error = faults("- {source_id: a, reader: csv, option: {}}")
    assert error.several == ()
    assert error.message.splitlines() == [
        "countries/xyz/sources.yaml, line 1, a.option: unknown key 'option'",
        "Remedy: did you mean 'options'?",
    ]


def test_what_fits_is_read():
    found = parse_lined_yaml("- {source_id: a, reader: csv}\n- {source_id: b, reader: geotiff}", "f", list)
    assert found.checked(ENTRIES) == [Table(source_id="a", reader="csv"), Grid(source_id="b", reader="geotiff")]


BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "\n".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (BOMB, 1, "holds too much"),
        ("a: &x [*x]", 1, "holds too much"),
        ("a:\n  b: !!python/object/apply:os.system [ls]", 2, "tag !!python/object/apply:os.system"),
        ("a: 1\nb: !secret x", 2, "tag !secret"),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3, "merge key"),
        ("a: 1\nb: 2\na: 3", 3, "key 'a' is there twice"),
        ("a: 2022-13-01", 1, "'2022-13-01' cannot be read"),
        ("? [a]\n: b", 1, "a key is a list"),
        ("a: [1", 2, "not valid yaml"),
        ("a: 1\n---\nb: 2", 2, "not valid yaml"),
        ("- a", 1, "not a mapping"),
        ("", 1, "empty"),
    ],
    ids=["bomb", "itself", "call", "tag", "merge", "twice", "date", "key", "cut", "two", "list", "empty"],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text, line, problem):
    with pytest.raises(SpecificationError, match=problem) as caught:
        parse_lined_yaml(text, "f.yaml")
    assert caught.value.place == f"line {line}"


def test_an_alias_is_written_out_and_each_use_has_its_own_line():
    found = parse_lined_yaml("a: &x {b: 1}\nc: *x", "f.yaml")
    assert found.value == {"a": {"b": 1}, "c": {"b": 1}}
    assert found.line("c") == 2


def test_a_file_that_is_not_there_or_not_utf8_is_refused(tmp_path):
    with pytest.raises(MissingFile):
        read_lined_yaml(tmp_path / "none.yaml")
    (tmp_path / "a.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(SpecificationError, match="UTF-8"):
        read_lined_yaml(tmp_path / "a.yaml")


def test_a_reader_by_hand_notes_every_fault_and_raises_them_together():
    def shock(part):
        part.check_keys({"shock_id", "share", "kind"})
        return part.text("shock_id"), part.number(part.value.get("share"), "share"), part.choice("kind", ["a", "b"])

    def shocks(source):
        source.check_keys({"shocks"})
        source.check_unique("shocks", "shock_id")
        return source.each("shocks", shock)

    text = "shock: 1\nshocks:\n  - {share: x, kind: c}\n  - shock_id: a\n    sare: 1\n    kind: a\n    share: 1\n"
    text += "  - {shock_id: a, share: 2, kind: b}\n"
    with pytest.raises(SpecificationError) as caught:
        parse_lined_yaml(text, "f.yaml").collected(shocks)
    assert [(one.place, one.problem) for one in caught.value.several] == [
        ("line 1", "unknown key 'shock'"),
        ("line 8", "'a' is there twice"),
        ("line 3", "shock_id is missing"),
        ("line 3", "share is 'x'"),
        ("line 3", "kind is 'c'"),
        ("line 5", "unknown key 'sare'"),
    ]
    good = parse_lined_yaml("shocks: [{shock_id: a, share: 1, kind: a}]", "f.yaml")
    assert good.collected(shocks) == [("a", 1.0, "a")]
