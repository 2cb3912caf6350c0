"""Answers of catalogues that need not come again, and what is never kept of them."""

import os
import time

import pytest

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.answers import KeptAnswer, KeptAnswers, Version

KNOWN = Version(3, '"1"')
NOW = time.time()


@pytest.fixture
def kept(web, tmp_path):
    web.answers = KeptAnswers(tmp_path / "answers")
    return web.answers


def test_an_answer_that_has_not_changed_does_not_come_again(provider, web, kept):
    provider.tagged = True
    said = {"items": [1]}
    provider.answers["/a"] = lambda words: said | words
    assert web.json(provider.at("/a"), params={"page": "1"}) == {"items": [1], "page": "1"}
    sent = provider.sent
    assert web.json(provider.at("/a"), params={"page": "1"}) == {"items": [1], "page": "1"}
    assert (provider.sent, web.moved) == (sent, sent)
    assert web.json(provider.at("/a"), params={"page": "2"})["page"] == "2"
    said["items"] = [2]
    assert web.json(provider.at("/a"), params={"page": "1"})["items"] == [2]


@pytest.mark.parametrize(
    "body",
    [
        b'{"href": "https://example.org/a?x=1&sig=abc"}',
        b'{"href": "https://example.org/a?X-Amz-Signature=abc"}',
        b'{"href": "https://example.org/a?x=1\\u0026token=abc"}',
    ],
)
def test_an_answer_with_a_signed_address_is_not_kept(kept, body):
    kept.keep(KeptAnswer("https://example.org", body, KNOWN))
    assert kept.of("https://example.org") is None
    assert not kept.folder.exists()


def test_an_answer_that_was_changed_or_cannot_be_known_again_is_as_none(kept):
    kept.keep(KeptAnswer("https://example.org", b"abc", Version(3)))
    assert kept.of("https://example.org") is None
    kept.keep(KeptAnswer("https://example.org", b"abc", KNOWN))
    assert kept.of("https://example.org").data == b"abc"
    (file,) = kept.folder.iterdir()
    for broken in (file.read_bytes()[:-1], b"", b"{}\nabc", b"\xff\n"):
        file.write_bytes(broken)
        assert kept.of("https://example.org") is None


def test_answers_that_nobody_asks_for_any_more_are_dropped_and_then_the_longest_unasked(kept, provider, web):
    provider.tagged = True
    provider.answers["/a"] = lambda words: words
    for page in range(4):
        web.json(provider.at("/a"), params={"page": str(page)})
    files = {page: kept._file(provider.at(f"/a?page={page}")) for page in range(4)}
    for page, days in enumerate([500, 30, 10, 0]):
        os.utime(files[page], (NOW - days * 86_400,) * 2)
    assert kept.prune(NOW) == 1
    assert [page for page, file in files.items() if file.exists()] == [1, 2, 3]
    web.json(provider.at("/a"), params={"page": "1"})  # it still holds: it counts as asked for today
    size = files[1].stat().st_size
    assert kept.prune(time.time(), most=2 * size) == 1
    assert [page for page, file in files.items() if file.exists()] == [1, 3]


def test_who_may_not_write_keeps_nothing(tmp_path):
    answers = KeptAnswers(tmp_path / "answers", writes=False)
    answers.keep(KeptAnswer("https://example.org", b"abc", KNOWN))
    assert not answers.folder.exists()


def test_an_answer_that_is_not_what_was_asked_for_is_neither_taken_nor_kept(provider, web, kept):
    provider.tagged = True
    provider.answers["/a"] = lambda words: b"<html>busy</html>"
    with pytest.raises(FetchFailed, match="not JSON"):
        web.json(provider.at("/a"))
    assert not kept.folder.exists()
