"""A published table is read as it is: nothing that stands where a figure is expected is passed over."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest

from poverty_assets.errors import ContractViolation
from poverty_assets.pack.keys import plain_name
from poverty_assets.published.identities import refuse_contradictions
from poverty_assets.published.ophi import OphiWorkbook, read_ophi_csv, read_ophi_workbook
from poverty_assets_tests.made_files import write_workbook

DAY = dt.date(2022, 1, 1)
POOR = (0.07, 16.6, 42.2, 20.5, 4.1)
HEADER = (
    "Country ISO3,Admin 1 PCode,Admin 1 Name,MPI,Headcount Ratio,Intensity of Deprivation,Vulnerable to Poverty,"
    "In Severe Poverty,Survey,Start Date,End Date"
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Two regions of one country, in OPHI's layout: rows 10 and 11; a region's name in column 7, figures from column 8."""
    path = tmp_path / "subnational-results-mpi.xlsx"
    write_workbook(path, {"North": POOR, "South": POOR}, "5", 7, ("KHM", "Cambodia"))
    return path


def spoil(path: Path, *cells: tuple[str, str, object]) -> OphiWorkbook:
    file = openpyxl.load_workbook(path)
    for prefix, cell, value in cells:
        next(sheet for sheet in file.worksheets if sheet.title.startswith(prefix))[cell] = value
    file.save(path)
    return OphiWorkbook(path, "subnational")


def test_a_sound_workbook_has_every_figure(book):
    frame = OphiWorkbook(book, "subnational").figures("KHM", DAY).frame
    assert frame.groupby("area_name").size().to_dict() == {"North": 36, "South": 36}
    h = frame[(frame["item"] == "headcount_ratio") & (frame["area_name"] == "North")].iloc[0]
    assert (h["estimate"], h["se"]) == (pytest.approx(0.166), pytest.approx(0.0066))


@pytest.mark.parametrize("value", [None, "", "...", "n.a.", "12,5", True])
def test_what_is_no_figure_is_refused_with_its_place(book, value):
    with pytest.raises(ContractViolation, match="stands where a figure is expected") as caught:
        spoil(book, ("5.5", "I11", value)).figures("KHM", DAY)
    assert caught.value.place == "sheet 5.5 uncensored, row 11, column 9"


def test_an_indicator_that_the_workbook_says_is_missing_may_be_empty(book):
    without = [(sheet, f"I{row}", None) for sheet in ("5.2", "5.3", "5.5") for row in (10, 11)]
    said = [
        ("5.1", "T6", "Indicator (s) missing"),
        ("5.1", "T10", "Child mortality"),
        ("5.1", "T11", "Child mortality"),
    ]
    frame = spoil(book, *without, *said).figures("KHM", DAY).frame
    assert frame.loc[frame["family"] == "lacking", "item"].tolist() == ["child_mortality"]
    assert "child_mortality" not in set(frame.loc[frame["family"] == "uncensored", "item"])
    with pytest.raises(ContractViolation, match="'toilets' is said to be missing, which is none"):
        spoil(book, ("5.1", "T10", "Toilets")).figures("KHM", DAY)


def test_where_nobody_is_poor_there_is_no_intensity_contribution_or_error(book):
    none = [("5.1", "H10", 0), ("5.1", "I10", 0), ("5.1", "J10", None)]
    none += [("5.3", f"{column}10", None) for column in "HIJKLMNOPQ"] + [
        ("5.4", f"{column}10", None) for column in "IJKMNO"
    ]
    none += [("5.4", "H10", 0), ("5.4", "L10", 0)]
    frame = spoil(book, *none).figures("KHM", DAY).frame
    north = frame[frame["area_name"] == "North"]
    assert "intensity" not in set(north["item"])
    assert north.loc[north["item"] == "mpi", "estimate"].tolist() == [0]
    assert set(north["family"]) == {"mpi", "censored", "uncensored", "sample"}
    with pytest.raises(ContractViolation, match="nothing stands where"):
        spoil(book, ("5.1", "H10", 0.07)).figures("KHM", DAY)


@pytest.mark.parametrize(
    ("cell", "value", "says"),
    [
        (("5.2", "G11"), "Centre", "other regions of KHM than in sheet 5.1 mpi"),
        (("5.1", "G11"), "NORTH", "'north' is there twice"),
        (("5.1", "I11"), 101.0, "shares lie outside 0 to 1; first headcount_ratio = 1.01"),
        (("5.4", "J11"), -1.0, "shares lie outside 0 to 1"),
        (("5.4", "L11"), 30.0, "30 stands where sheet 5.1 mpi has 16.6 in row 11"),
        (("5.4", "H11"), "0.07", "'0.07' stands where a figure is expected"),
    ],
)
def test_a_workbook_that_contradicts_itself_is_refused(book, cell, value, says):
    with pytest.raises(ContractViolation) as caught:
        spoil(book, (*cell, value)).figures("KHM", DAY)
    assert says in caught.value.problem


def test_one_sheet_given_as_shares_is_told_by_what_the_others_say_of_its_figures(book):
    frame = OphiWorkbook(book, "subnational").figures("KHM", DAY).frame
    refuse_contradictions(frame, book)
    hundredth = frame["estimate"].where(frame["family"] != "censored", frame["estimate"] / 100)
    with pytest.raises(
        ContractViolation, match="20 of 20: an indicator contributes more than its censored headcount can"
    ):
        refuse_contradictions(frame.assign(estimate=hundredth), book)


def test_rounding_is_set_to_the_bound_and_said(book):
    figures = spoil(book, ("5.3", "H10", 100.00000000000051), ("5.2", "H11", -1e-9)).figures("KHM", DAY)
    assert figures.frame["estimate"].between(0, 1000).all()
    assert list(figures.rounded) == ["South, censored nutrition", "North, contribution nutrition"]
    assert figures.rounded["North, contribution nutrition"].endswith("set to 1: outside 0 to 1 by rounding")


def test_a_country_that_is_not_there_is_refused(book):
    with pytest.raises(ContractViolation, match="no rows of country XYZ"):
        OphiWorkbook(book, "subnational").figures("XYZ", DAY)


def csv(tmp_path: Path, *rows: str) -> SimpleNamespace:
    path = tmp_path / "global_mpi.csv"
    path.write_text("\n".join([HEADER, *(f"{row},MICS,2018-01-01 00:00:00+00:00,2018-12-31" for row in rows)]) + "\n")
    return SimpleNamespace(path=path, spec=SimpleNamespace(obtain="download it"))


def test_a_region_without_a_code_is_left_out_and_said_unless_the_pack_maps_it(tmp_path):
    release = csv(tmp_path, "MNG,,,0.1,20,50,10,5", "MNG,MN62,Khangai,0.1,20,50,10,5", "MNG,,The  West,0,0,,10,0")
    alone = read_ophi_csv(release, "MNG")
    assert set(alone.frame["area_name"]) == {"", "Khangai"}
    assert alone.left_out == {"The West": "it has no P-code here, and the source's entry does not map it"}
    both = read_ophi_csv(release, "MNG", [plain_name("the west")])
    assert (set(both.frame["area_name"]), both.left_out) == ({"", "Khangai", "The West"}, {})
    assert set(both.frame.loc[both.frame["area_name"] == "Khangai", "area_code"]) == {"62"}


def test_a_csv_with_a_word_for_a_figure_is_refused_with_its_row(tmp_path):
    with pytest.raises(ContractViolation, match="first 'low'") as caught:
        read_ophi_csv(csv(tmp_path, "MNG,,,0.1,20,50,10,5", "MNG,MN62,Khangai,0.1,20,50,low,5"), "MNG")
    assert caught.value.place == "row 3, column Vulnerable to Poverty"


def test_a_workbook_is_read_through_once_for_all_who_ask_and_again_when_it_is_another(book, monkeypatch):
    read, opened = openpyxl.load_workbook, []
    monkeypatch.setattr(openpyxl, "load_workbook", lambda path, **more: opened.append(path) or read(path, **more))
    found = SimpleNamespace(path=book, observed_from=DAY, spec=SimpleNamespace(obtain="Ask."))
    first, second = (read_ophi_workbook(found, "subnational", "KHM").frame for _ in range(2))
    assert first.equals(second)
    assert first is not second
    assert opened == [book]
    write_workbook(book, {"North": POOR, "South": (0.09, 20.0, 45.0, 20.5, 4.1)}, "5", 7, ("KHM", "Cambodia"))
    third = read_ophi_workbook(found, "subnational", "KHM").frame
    assert opened == [book, book]
    assert not third.equals(first)
