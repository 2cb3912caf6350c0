"""A probe asks every provider of every source at once, and is over in time whoever is silent."""

import datetime as dt
import time

import pytest

from poverty_assets.errors import UsageError
from poverty_assets.fetching.clients import CLIENTS
from poverty_assets.fetching.fetch import failures
from poverty_assets_tests.fetching.conftest import QUARTER, entry, tiff


def silent(provider, path):
    """An address that does not answer before the provider is closed."""
    provider.answers[path] = lambda words: provider.released.wait()


@pytest.fixture
def patient(bench):
    """A bench that waits for an answer longer than a probe may take."""
    bench.web.client.timeout = 30.0
    return bench


def one(provider, name, **more):
    return entry(provider.at(f"/{name}_{{label}}.tif"), source_id=name, **more)


@pytest.mark.slow
def test_silent_hosts_keep_a_probe_no_longer_than_its_time(patient, provider):
    provider.put("/rain_2026Q3.tif", tiff())
    for number in range(20):
        silent(provider, f"/mute{number}_2026Q3.tif")
    specs = [one(provider, f"mute{number}", path=f"mute{number}_{{label}}.tif") for number in range(20)]
    begun = time.monotonic()
    told = patient.probed([*specs, one(provider, "rain")], within=2.0)
    assert time.monotonic() - begun < 20  # one after the other would take 40
    assert [found.state for found in told] == ["failed"] * 20 + ["there"]
    assert "no answer within 2 seconds" in told[0].words
    assert provider.at("/mute0_2026Q3.tif") in told[0].words
    assert "Remedy: " in str(failures(told))


@pytest.mark.slow
def test_what_is_there_is_told_before_what_is_silent(patient, provider):
    silent(provider, "/mute_2026Q3.tif")
    provider.put("/rain_2026Q3.tif", tiff())
    lines = []
    mute = one(provider, "mute", path="mute_{label}.tif")
    patient.probed([mute, one(provider, "rain")], within=2.0, say=lines.append)
    assert [line.split()[:2] for line in lines] == [["there", "rain"], ["failed", "mute"]]


def test_each_provider_of_a_source_is_asked(bench, provider):
    second = {
        "client": "https",
        "address": provider.at("/second_{label}.tif"),
        "citation": "Another",
        "confirmed": "by the test",
    }
    spec = one(provider, "rain", fetch={"instead": second})
    provider.put("/second_2026Q2.tif", tiff())
    told = bench.probed([spec])
    assert [(found.state, found.title) for found in told] == [
        ("failed", "rain 2026Q3"),
        ("there", "rain 2026Q2, instead"),
    ]


def test_the_preliminary_release_of_a_source_is_asked_for_too(bench, provider):
    early = {
        "client": "https",
        "address": provider.at("/early_{label}.tif"),
        "citation": "A provider",
        "confirmed": "by the test",
    }
    provider.put("/rain_2026Q2.tif", tiff())
    provider.put("/early_2026Q3.tif", tiff())
    told = bench.probed([one(provider, "rain", fetch={"preliminary": early})])
    assert [(found.state, found.title) for found in told] == [
        ("there", "rain 2026Q2"),
        ("there", "rain 2026Q3, preliminary"),
    ]


def test_a_file_that_several_sources_read_is_asked_for_once(bench, provider):
    provider.put("/rain_2026Q3.tif", tiff())
    told = bench.probed([one(provider, "rain"), one(provider, "rain").model_copy(update={"source_id": "wind"})])
    assert [(found.state, found.title) for found in told] == [("there", "rain 2026Q3")]


def test_a_source_that_begins_later_is_passed(bench, provider):
    provider.put("/rain_2026Q3.tif", tiff())
    told = bench.probed([one(provider, "late", observed_from="2027-01-01"), one(provider, "rain")])
    assert [found.state for found in told] == ["passed", "there"]


def test_a_library_that_is_not_installed_keeps_no_other_source(bench, provider, monkeypatch):
    class Lacking:
        def offer(self, order, web):
            raise UsageError("this source needs a library", remedy="install it")

    monkeypatch.setitem(CLIENTS, "cog_window", Lacking())
    provider.put("/rain_2026Q3.tif", tiff())
    specs = [one(provider, "lost", client="cog_window", path="lost_{label}.tif"), one(provider, "rain")]
    assert [found.state for found in bench.probed(specs)] == ["failed", "there"]
    told = bench.fetching(dt.date(2026, 11, 20), False).fetch(specs, [QUARTER])
    assert [found.state for found in told] == ["failed", "fetched"]
    assert "needs a library" in told[0].words


def test_a_fault_of_ours_is_not_taken_for_the_publishers(bench, provider, monkeypatch):
    class Broken:
        def offer(self, order, web):
            raise KeyError("ours")

    monkeypatch.setitem(CLIENTS, "https", Broken())
    with pytest.raises(KeyError, match="ours"):
        bench.probed([one(provider, "rain")])
