"""From an entry to a landed file with its record: only what is new, checked first, whole or not at all."""

import datetime as dt
import hashlib
import random
import shutil
from dataclasses import replace

import pytest

from poverty_assets.errors import ContractViolation, UsageError
from poverty_assets.fetching.fetch import failures
from poverty_assets.fetching.orders import fetched_sources
from poverty_assets.quarter import Quarter
from poverty_assets.sources.landed import ENDING, read_record, record_path
from poverty_assets.sources.readers import observe
from poverty_assets_tests.fetching.conftest import QUARTER, entry, tiff
from poverty_assets_tests.fetching.server import FAULTS

PATH = "rasters/rain_2026Q3.tif"
GOOD = tiff()


@pytest.fixture
def rain(provider):
    provider.put("/rain_2026Q3.tif", GOOD)
    return entry(provider.at("/rain_{label}.tif"))


def test_a_file_is_landed_with_a_record_of_where_it_came_from(bench, provider, rain):
    told = bench.fetch(rain)
    assert told.state == "fetched"
    assert told.moved == len(GOOD)
    assert bench.files == [PATH, PATH + ENDING]
    assert (bench.landing / PATH).read_bytes() == GOOD
    record = read_record(bench.landing / PATH)
    assert record.sha256 == hashlib.sha256(GOOD).hexdigest()
    assert record.url == provider.at("/rain_2026Q3.tif")
    assert (record.licence, record.citation) == ("CC BY 4.0", "A provider (2026)")
    assert (record.observed_from, record.observed_to) == (dt.date(2026, 7, 1), dt.date(2026, 9, 30))
    assert not list(bench.work.rglob("*.tif"))


def test_size_comes_first_then_how_far_it_is_then_what_became_of_it(bench, provider, rain):
    now, lines = [0.0], []

    def clock():
        now[0] += 10.0
        return now[0]

    bench.web.clock = clock
    data = tiff(size=400)
    provider.put("/rain_2026Q3.tif", data)
    fetching = replace(bench.fetching(dt.date(2026, 11, 20), named=False), say=lines.append)
    fetching.fetch([rain], [QUARTER])
    assert lines[0] == f"rain 2026Q3: {len(data):,} bytes from {provider.at('/rain_2026Q3.tif')}"
    assert all(line.endswith(f" of {len(data):,} bytes so far") for line in lines[1:-1])
    assert len(lines) > 3
    assert lines[-1].startswith("fetched   rain 2026Q3: ")


def test_what_is_here_already_is_not_moved_again(bench, provider, rain):
    bench.fetch(rain)
    sent = provider.sent
    told = bench.fetch(rain)
    assert (told.state, told.moved, provider.sent) == ("unchanged", 0, sent)


def test_a_changed_file_is_a_revision_that_names_what_it_replaces(bench, provider, rain):
    bench.fetch(rain)
    before = read_record(bench.landing / PATH).sha256
    provider.put("/rain_2026Q3.tif", tiff(2.0), etag='"2"')
    told = bench.fetch(rain)
    assert told.state == "revised"
    assert "need a new run" in told.words
    assert read_record(bench.landing / PATH).replaces == before
    assert (bench.landing / PATH).read_bytes() == tiff(2.0)


def test_meta_source_is_told_by_the_record_as_long_as_it_is_of_this_file(bench, provider, rain, country):
    bench.fetch(rain)
    noted = observe(rain, QUARTER, bench.landing, country).metadata
    assert noted["url"] == provider.at("/rain_2026Q3.tif")
    assert noted["licence"] == "CC BY 4.0"
    (bench.landing / PATH).write_bytes(tiff(3.0))
    assert "url" not in observe(rain, QUARTER, bench.landing, country).metadata


def test_an_older_quarters_file_under_the_name_of_a_new_one_is_refused_by_its_record(bench, rain, country):
    bench.fetch(rain)
    then, now = bench.landing / PATH, bench.landing / PATH.replace("2026Q3", "2026Q4")
    for old in (then, record_path(then)):
        shutil.copy(old, now.with_name(old.name.replace("2026Q3", "2026Q4")))
    with pytest.raises(ContractViolation, match="observed from 2026-07-01 to 2026-09-30, not from 2026-10-01"):
        observe(rain, Quarter(2026, 4), bench.landing, country)


def test_a_file_put_there_by_hand_is_replaced_only_when_the_source_is_named(bench, rain):
    (bench.landing / PATH).parent.mkdir(parents=True)
    (bench.landing / PATH).write_bytes(tiff(5.0))
    assert bench.fetch(rain).state == "kept"
    assert bench.fetch(rain, named=True).state == "revised"


def test_a_quarter_is_not_asked_for_before_it_can_be_there(bench, provider, rain):
    told = bench.fetch(rain, today=dt.date(2026, 10, 29))
    assert (told.state, told.words, provider.asked) == ("waits", "expected by 2026-10-30", [])
    assert bench.fetch(rain, today=dt.date(2026, 10, 29), named=True).state == "fetched"


def test_what_is_expected_and_not_there_is_late_and_no_failure(bench, provider, rain):
    del provider.files["/rain_2026Q3.tif"]
    told = bench.fetch(rain)
    assert told.state == "late"
    assert failures([told]) is None


def test_what_could_not_be_had_when_it_was_expected_is_noted_until_it_comes(bench, provider, rain):
    file = provider.files.pop("/rain_2026Q3.tif")
    assert bench.fetch(rain, today=dt.date(2026, 10, 29), named=True).state == "late"
    assert bench.noted == {}  # it was not expected yet
    bench.fetch(rain, dry_run=True)
    assert bench.noted == {}
    assert bench.fetch(rain).state == "late"
    bench.fetch(rain, today=dt.date(2026, 12, 1))
    assert bench.noted == {PATH: "2026-11-20"}
    provider.files["/rain_2026Q3.tif"] = file
    bench.fetch(rain)
    assert bench.noted == {}


def test_a_source_that_begins_later_is_passed(bench, provider):
    told = bench.fetch(entry(provider.at("/x_{label}.tif"), observed_from="2027-01-01"))
    assert told.state == "passed"
    assert "begins on 2027-01-01" in told.words


@pytest.mark.parametrize(
    ("lag", "quarter", "year"),
    [(0, "2025Q4", 2025), (75, "2025Q4", 2025), (76, "2025Q4", 2024), (76, "2026Q1", 2025), (0, "2026Q3", 2025)],
)
def test_the_lag_decides_which_year_a_quarter_sees(bench, provider, lag, quarter, year):
    spec = entry(provider.at("/x_{year}.tif"), cadence="year", fetch={"lag_days": lag})
    provider.put(f"/x_{year}.tif", GOOD)
    fetching = bench.fetching(dt.date(2030, 1, 1), named=False)
    (told,) = fetching.fetch([spec], [Quarter.from_label(quarter)])
    assert (told.state, told.title) == ("fetched", f"rain {year}")


def test_a_dry_run_says_how_much_and_writes_nothing(bench, provider, rain):
    told = bench.fetch(rain, dry_run=True)
    assert told.state == "wanted"
    assert f"{len(GOOD):,} bytes from {provider.at('/rain_2026Q3.tif')}" in told.words
    assert not bench.landing.exists()
    assert not bench.work.exists()
    assert provider.sent == 0


def test_a_probe_finds_the_newest_period_that_is_there(bench, provider, rain):
    provider.files["/rain_2026Q1.tif"] = provider.files.pop("/rain_2026Q3.tif")
    told = bench.probe(rain)
    assert (told.state, told.title) == ("there", "rain 2026Q1")
    assert "rain 2026Q3 is expected by 2026-10-30" in told.words
    provider.files.clear()
    assert bench.probe(rain).state == "failed"
    assert bench.files == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"error": "quota"}', "not a file of geotiff"),
        (GOOD[: len(GOOD) // 2], "cannot be used"),
        (b"II*\0" + b"\0" * 90, "cannot be used"),
    ],
)
def test_what_a_refresh_would_refuse_is_not_landed(bench, provider, rain, data, why):
    bench.fetch(rain)
    provider.put("/rain_2026Q3.tif", data, etag='"2"')
    told = bench.fetch(rain)
    assert told.state == "failed"
    assert why in told.words
    assert "Remedy: " in told.words
    assert bench.files == [PATH, PATH + ENDING]
    assert (bench.landing / PATH).read_bytes() == GOOD


def test_one_that_fails_does_not_keep_the_others(bench, provider, rain):
    lost = rain.model_copy(update={"source_id": "lost", "path": "lost_{label}.tif"})
    lost = lost.model_copy(update={"fetch": rain.fetch.model_copy(update={"sha256": "0" * 64})})
    told = bench.fetching(dt.date(2026, 11, 20), named=False).fetch([lost, rain], [QUARTER])
    assert [one.state for one in told] == ["failed", "fetched"]
    error = failures(told)
    assert str(error).startswith("lost 2026Q3: ")
    assert "the file's digest is" in str(error)


def test_a_stale_digest_is_answered_by_another_try(bench, provider):
    provider.put("/rain.tif", GOOD)
    said = iter(["0" * 32, hashlib.md5(GOOD).hexdigest()])
    provider.answers["/rain.md5"] = lambda words: f"{next(said)}  rain.tif\n".encode()
    spec = entry(provider.at("/rain.tif"), fetch={"checksum": provider.at("/rain.md5")})
    assert bench.fetch(spec).state == "fetched"


def test_a_document_may_name_the_file(bench, provider):
    provider.put("/files/rain.tif", GOOD)
    provider.answers["/api/KHM"] = lambda words: {"download": provider.at("/files/rain.tif")}
    spec = entry(provider.at("/api/{iso3}"), fetch={"link": "download"})
    assert bench.fetch(spec).state == "fetched"
    assert bench.fetch(spec).state == "unchanged"
    provider.answers["/api/KHM"] = lambda words: {"other": "name"}
    assert "no https address under 'download'" in bench.fetch(spec).words


def test_a_token_comes_from_the_environment_and_is_written_nowhere(bench, provider, monkeypatch):
    provider.put("/rain.tif", GOOD, wants="Bearer Kept-Secret-7431")
    spec = entry(provider.at("/rain.tif"), fetch={"token": "SOME_TOKEN"})
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    for named, state in ((False, "passed"), (True, "failed")):
        told = bench.fetch(spec, named=named)
        assert (told.state, provider.asked) == (state, [])
        assert "SOME_TOKEN is not set" in told.words
    monkeypatch.setenv("SOME_TOKEN", "wrong")
    assert "does not let us in (401)" in bench.fetch(spec).words
    monkeypatch.setenv("SOME_TOKEN", "Kept-Secret-7431")
    assert bench.fetch(spec).state == "fetched"
    written = [path.read_bytes() for path in bench.landing.parent.rglob("*") if path.is_file()]
    assert not any(b"Kept-Secret-7431" in data for data in written)


def test_a_killed_fetch_leaves_nothing_in_the_landing_folder_and_is_continued(bench, provider, rain):
    provider.files["/rain_2026Q3.tif"].faults = ["cut", *["500"] * 11]
    assert bench.fetch(rain).state == "failed"
    assert bench.files == []
    before = provider.sent
    assert bench.fetch(rain).state == "fetched"
    assert provider.sent - before == len(GOOD) - len(GOOD) // 2


def test_sources_are_chosen_by_name_or_by_licence(rain):
    meta = rain.model_copy(
        update={"source_id": "meta", "fetch": rain.fetch.model_copy(update={"non_commercial": True})}
    )
    hand = rain.model_copy(update={"source_id": "hand", "fetch": None})
    assert fetched_sources([meta, hand, rain], []) == [rain]
    assert fetched_sources([meta, hand, rain], ["meta"]) == [meta]
    with pytest.raises(UsageError, match="no source 'rein'") as caught:
        fetched_sources([meta, hand, rain], ["rein"])
    assert "rain" in caught.value.remedy
    with pytest.raises(UsageError, match="no block fetch"):
        fetched_sources([meta, hand, rain], ["hand"])


@pytest.fixture
def twice(provider):
    """A source with a second provider, whose file is another."""
    provider.put("/first_2026Q3.tif", GOOD)
    provider.put("/second_2026Q3.tif", tiff(2.0))
    said = {"citation": "Another provider", "confirmed": "by the test", "client": "https"}
    return entry(
        provider.at("/first_{label}.tif"), fetch={"instead": said | {"address": provider.at("/second_{label}.tif")}}
    )


@pytest.mark.parametrize("fault", ["500", "page", "404"])
def test_where_the_first_provider_fails_the_second_is_asked(bench, provider, twice, fault):
    if fault == "404":
        del provider.files["/first_2026Q3.tif"]
    else:
        provider.files["/first_2026Q3.tif"].faults = [fault] * 30
    told = bench.fetch(twice)
    assert told.state == "fetched"
    assert "another provider: " in told.words
    assert (bench.landing / PATH).read_bytes() == tiff(2.0)
    assert read_record(bench.landing / PATH).citation == "Another provider"


def test_a_file_stays_that_of_its_provider(bench, provider, twice):
    provider.files["/first_2026Q3.tif"].faults = ["500"] * 6
    bench.fetch(twice)
    assert bench.fetch(twice).state == "unchanged"  # the first is there again, and is not asked
    (bench.landing / PATH).unlink()
    bench.fetch(twice)
    assert (bench.landing / PATH).read_bytes() == GOOD
    del provider.files["/first_2026Q3.tif"]
    assert bench.fetch(twice).state == "late"
    assert (bench.landing / PATH).read_bytes() == GOOD


def test_where_all_providers_fail_the_first_is_named(bench, provider, twice):
    provider.files.clear()
    told = bench.fetch(twice)
    assert told.state == "late"
    assert "/first_2026Q3.tif" in told.words


@pytest.mark.slow
def test_random_faults_end_in_the_right_bytes_or_in_one_sentence(bench, provider, rain):
    """200 random sequences: up to five faults in a row can be outlasted, more may not be; never is there half a file."""
    draw, states = random.Random(20261120), {True: [], False: []}
    for _ in range(200):
        faults = [draw.choice(FAULTS) for _ in range(draw.randint(0, 8))]
        provider.files["/rain_2026Q3.tif"].faults = list(faults)
        told = bench.fetch(rain)
        states[len(faults) <= 5].append(told.state)
        if told.state == "fetched":
            assert bench.files == [PATH, PATH + ENDING]
            assert (bench.landing / PATH).read_bytes() == GOOD
            for name in bench.files:
                (bench.landing / name).unlink()
        else:
            assert bench.files == []
            why, _, remedy = told.words.partition("\nRemedy: ")
            assert provider.at("/rain_2026Q3.tif") in why
            assert remedy
    assert states[True].count("fetched") >= 0.95 * len(states[True])
    assert set(states[False]) <= {"fetched", "failed"}


# ---------------------------------------------------------------- preliminary and final
@pytest.fixture
def twofold(provider):
    """Rain that has a preliminary release a week after the quarter, and a final one after a month."""
    provider.put("/early_2026Q3.tif", tiff(2.0))
    early = {
        "client": "https",
        "address": provider.at("/early_{label}.tif"),
        "citation": "Early",
        "confirmed": "by the test",
        "lag_days": 7,
    }
    return entry(provider.at("/rain_{label}.tif"), fetch={"preliminary": early})


def test_the_preliminary_release_serves_until_the_final_one_is_expected(bench, twofold):
    told = bench.fetch(twofold, today=dt.date(2026, 10, 10))
    assert told.state == "fetched"
    assert told.words.endswith("it is preliminary, the final release is expected by 2026-10-30")
    assert read_record(bench.landing / PATH).is_preliminary
    assert bench.fetch(twofold, today=dt.date(2026, 10, 11)).state == "unchanged"


def test_nothing_is_asked_for_before_the_preliminary_release_can_be_there(bench, provider, twofold):
    assert bench.fetch(twofold, today=dt.date(2026, 10, 6)).state == "waits"
    assert provider.asked == []


def test_it_serves_on_while_the_final_one_is_late_and_is_replaced_by_it(bench, provider, twofold):
    assert bench.fetch(twofold).state == "fetched"
    provider.put("/rain_2026Q3.tif", GOOD)
    told = bench.fetch(twofold)
    assert told.state == "revised"
    record = read_record(bench.landing / PATH)
    assert not record.is_preliminary
    assert record.replaces == hashlib.sha256(tiff(2.0)).hexdigest()
    assert "is_preliminary" not in record.as_noted()


def test_a_final_release_stays_though_it_can_be_seen_no_more(bench, provider, twofold):
    provider.put("/rain_2026Q3.tif", GOOD)
    bench.fetch(twofold)
    del provider.files["/rain_2026Q3.tif"]
    assert bench.fetch(twofold).state == "late"
    assert (bench.landing / PATH).read_bytes() == GOOD


def test_meta_source_says_that_a_file_is_preliminary(bench, twofold, country):
    bench.fetch(twofold, today=dt.date(2026, 10, 10))
    assert observe(twofold, QUARTER, bench.landing, country).metadata["is_preliminary"] is True
