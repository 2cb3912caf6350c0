"""One file over HTTP: continued where it broke off, and refused in one sentence where it cannot be had whole."""

import datetime as dt
import random

import httpx
import pytest
import stamina

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.download import download, download_told
from poverty_assets.fetching.web import Refused, open_web, seconds_to_wait, worth_another_try

DATA = random.Random(1).randbytes(60_000)


def ranges(provider):
    return [wanted for method, _, wanted in provider.asked if method == "GET"]


def test_a_file_comes_whole(provider, web, tmp_path):
    provider.put("/a.bin", DATA)
    version = download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert (version.size, version.etag) == (len(DATA), '"1"')
    assert web.moved == len(DATA)


def test_what_broke_off_is_continued(provider, web, tmp_path):
    provider.put("/a.bin", DATA, faults=["cut", "503", "cut"])
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert ranges(provider) == [None, "bytes=30000-", "bytes=30000-", "bytes=45000-"]
    assert provider.sent == len(DATA)


def test_a_piece_left_by_an_earlier_fetch_is_continued(provider, web, tmp_path):
    provider.put("/a.bin", DATA, faults=["cut", *["500"] * 11])
    with pytest.raises(FetchFailed, match="answered 500, at every try"):
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    assert ranges(provider)[-1] == "bytes=30000-"


def test_a_long_download_may_break_off_more_often_than_there_are_tries(provider, web, tmp_path):
    provider.put("/a.bin", DATA, faults=["cut"] * 12)
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA


@pytest.mark.parametrize("fault", ["whole", "changed", "no validator"])
def test_it_starts_anew_where_it_cannot_be_continued(provider, web, tmp_path, fault):
    file = provider.put("/a.bin", DATA, faults=["cut", *["500"] * 11, *(["whole"] if fault == "whole" else [])])
    if fault == "no validator":
        file.etag = file.modified = None
    with pytest.raises(FetchFailed):
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    if fault == "changed":
        file.data, file.etag = DATA[::-1], '"2"'
        file.modified = "Thu, 02 Jul 2026 00:00:00 GMT"
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == file.data


def test_a_page_in_place_of_the_file_is_named(provider, web, tmp_path):
    provider.put("/a.bin", b"\n<HTML><head><title>Sign in</title>", content_type="application/octet-stream")
    with pytest.raises(FetchFailed, match=r"/a.bin: a web page \(Sign in\) came in place of the file"):
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert not (tmp_path / "a.bin").exists()


def test_a_login_elsewhere_is_not_asked_again(provider, web, tmp_path):
    provider.put("/login", b"<html><title>Log in</title>", content_type="text/html")
    provider.moved_to["/a.bin"] = provider.at("/login").replace("127.0.0.1", "localhost")
    with pytest.raises(FetchFailed) as caught:
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert "authorised" in caught.value.remedy
    assert len(provider.asked) == 2


def test_a_redirect_is_followed_and_a_circle_is_left(provider, web, tmp_path):
    provider.put("/there", DATA)
    provider.moved_to |= {"/a.bin": provider.at("/there"), "/round": provider.at("/round")}
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA
    with pytest.raises(FetchFailed, match="sends on more than 5 times"):
        download(web, provider.at("/round"), tmp_path / "b.bin")


def test_a_silent_server_is_left_after_some_tries(provider, web, tmp_path):
    web.client.timeout = httpx.Timeout(0.05)
    provider.put("/a.bin", DATA, faults=["stall"] * 6)
    with pytest.raises(FetchFailed, match="silent, at every try"):
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")


def test_what_is_not_there_is_not_asked_for_again(provider, web, tmp_path):
    with pytest.raises(NotThere, match=r"no such file \(404\)"):
        download(web, provider.at("/none"), tmp_path / "a.bin")
    assert len(provider.asked) == 1


def test_a_secret_stands_in_no_message(provider, web, tmp_path):
    with pytest.raises(NotThere) as caught:
        download(web, provider.at("/none?v=1&sig=abcdef"), tmp_path / "a.bin")
    assert "v=1" in str(caught.value)
    assert "abcdef" not in str(caught.value)


def test_retry_after_is_waited_for(provider, web, tmp_path):
    waits = []
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(details.caused_by.wait)])
    try:
        provider.put("/a.bin", DATA, faults=["429 later", "429"])
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)
    assert waits == [7.0, None]


@pytest.mark.parametrize(("wait", "expected"), [(7.0, 7.0), (301.0, False), (None, True)])
def test_how_long_is_waited(wait, expected):
    assert worth_another_try(Refused(429, wait)) is expected or worth_another_try(Refused(429, wait)) == expected


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Wed, 01 Jul 2026 00:00:09 GMT", 9.0), ("soon", None), (None, None)]
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert seconds_to_wait(header, dt.datetime(2026, 7, 1, tzinfo=dt.UTC)) == seconds


def test_a_host_that_asks_for_peace_is_not_asked_for_anything_else_meanwhile(provider, web, tmp_path):
    now, slept = [0.0], []
    web.clock, web.sleep, web.attempts = lambda: now[0], slept.append, 1
    provider.put("/a.bin", DATA, faults=["429 later"])
    provider.put("/b.bin", DATA)
    with pytest.raises(FetchFailed, match="asks to wait 7 seconds"):
        download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    download(web, provider.at("/b.bin"), tmp_path / "b.bin")
    assert slept == [7.0]


def test_a_host_that_asks_for_hours_is_left_alone_until_then(provider, web, tmp_path):
    now = [0.0]
    web.clock = lambda: now[0]
    provider.put("/a.bin", DATA)
    provider.always["/a"] = "429 hours"
    for _ in range(2):
        with pytest.raises(FetchFailed, match=r"asks to wait 7200 seconds$"):
            download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert len(provider.asked) == 1
    provider.always.clear()
    now[0] = 7200.0
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")


def test_a_file_that_came_whole_does_not_come_again_and_one_that_changed_does(provider, web, tmp_path):
    file = provider.put("/a.bin", DATA)
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert provider.sent == len(DATA)
    file.data, file.etag, file.modified = DATA[::-1], '"2"', "Thu, 02 Jul 2026 00:00:00 GMT"
    download(web, provider.at("/a.bin"), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == DATA[::-1]


def test_a_piece_of_another_address_is_not_continued_though_the_tags_are_the_same(provider, web, tmp_path):
    provider.put("/a.bin", DATA)
    provider.put("/b.bin", DATA[::-1])
    download(web, provider.at("/a.bin"), tmp_path / "piece")
    download(web, provider.at("/b.bin"), tmp_path / "piece")
    assert (tmp_path / "piece").read_bytes() == DATA[::-1]


def test_a_file_has_the_size_that_its_publisher_tells(provider, web, tmp_path):
    provider.put("/a.bin", DATA, faults=["short", "short"])
    download_told(web, provider.at("/a.bin"), tmp_path / "a.bin", lambda anew: len(DATA))
    assert (tmp_path / "a.bin").read_bytes() == DATA
    with pytest.raises(FetchFailed, match=r"60,000 bytes came, and the publisher tells of 60,001"):
        download_told(web, provider.at("/a.bin"), tmp_path / "a.bin", lambda anew: len(DATA) + 1)
    assert not (tmp_path / "a.bin").exists()
    download_told(web, provider.at("/a.bin"), tmp_path / "a.bin", lambda anew: len(DATA) if anew else 7)


def test_a_server_that_cannot_tell_of_a_file_without_sending_it_is_asked_for_a_byte(provider, web):
    provider.put("/a.bin", DATA)
    provider.plans["/a"] = ["405"]
    assert web.look(provider.at("/a.bin")) == Version(len(DATA), '"1"', "Wed, 01 Jul 2026 00:00:00 GMT")
    assert ranges(provider) == ["bytes=0-0"]


def test_neither_addresses_nor_headers_are_logged(provider, tmp_path, caplog):
    caplog.set_level("DEBUG")
    provider.put("/a.bin", DATA)
    with open_web() as web:
        download(web, provider.at("/a.bin?sig=abcdef"), tmp_path / "a.bin", headers={"Authorization": "Bearer uvwxyz"})
    assert not [text for text in caplog.messages if "abcdef" in text or "uvwxyz" in text]


def test_requests_to_one_host_keep_their_distance(provider, web, tmp_path):
    now, slept = [0.0], []
    web.clock, web.sleep = lambda: now[0], slept.append
    provider.put("/a.bin", DATA)
    for name in "abc":
        download(web, provider.at("/a.bin"), tmp_path / name, pause=1.0)
    assert slept == [1.0, 2.0]
