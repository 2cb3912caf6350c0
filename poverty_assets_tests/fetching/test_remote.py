"""A file read here and there: few requests, each tried again by itself, all of one version, with addresses signed anew."""

import random

import pytest

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.remote import FileChanged, NoRanges, RemoteFile

BLOCK = 1 << 16
DATA = random.Random(3).randbytes(40 * BLOCK + 1234)


@pytest.fixture
def served(provider):
    return provider.put("/a.bin", DATA)


def remote(provider, web, **more):
    return RemoteFile(web, lambda again: provider.at("/a.bin"), **more)


def pieces(provider):
    return [wanted for method, _, wanted in provider.asked if method == "GET"]


def test_pieces_are_those_of_the_file_wherever_they_lie(provider, web, served):
    file, draw = remote(provider, web), random.Random(5)
    for _ in range(60):
        start, length = draw.randrange(len(DATA) + 100), draw.choice([1, 100, BLOCK, 3 * BLOCK + 7])
        assert file.read(start, length) == DATA[start : start + length]
    assert file.size == len(DATA)
    assert provider.sent < 2 * len(DATA)


def test_a_piece_that_is_here_is_not_asked_for_again(provider, web, served):
    file = remote(provider, web)
    file.read(10, 20)
    file.read(500, 1000)
    assert pieces(provider) == [f"bytes=0-{BLOCK - 1}"]


def test_what_is_read_one_after_the_other_comes_in_ever_larger_pieces(provider, web, served):
    file = remote(provider, web)
    assert b"".join(file.read(start, 4096) for start in range(0, len(DATA), 4096)) == DATA
    assert len(pieces(provider)) < 10
    assert provider.sent == len(DATA)


def test_a_piece_that_fails_is_tried_again_alone(provider, web, served):
    served.faults = ["", "", "503", "cut", "429 later", "gap", "short"]
    file = remote(provider, web)
    for block in (0, 10, 20):
        assert file.read(block * BLOCK, 10) == DATA[block * BLOCK : block * BLOCK + 10]
    assert len(pieces(provider)) == 3 + 5


def test_pieces_of_two_versions_are_not_put_together(provider, web, served):
    file = remote(provider, web)
    file.read(0, 10)
    served.data, served.etag = DATA[::-1], '"2"'
    with pytest.raises(FileChanged):
        file.read(20 * BLOCK, 10)


def test_a_server_that_sends_the_whole_file_is_left_alone(provider, web, served):
    served.ranges = False
    with pytest.raises(NoRanges):
        remote(provider, web).read(0, 10)
    assert web.moved == 0


def test_an_address_whose_time_is_over_is_signed_anew(provider, web, served):
    served.signed, signed = True, []

    def address(again):
        signed.append(again)
        return (
            provider.sign("/a.bin")
            if again or len(signed) == 1
            else f"{provider.at('/a.bin')}?sig=Sig-{provider.signature}-"
        )

    file = RemoteFile(web, address)
    file.read(0, 10)
    provider.signature += 1
    assert file.read(20 * BLOCK, 10) == DATA[20 * BLOCK : 20 * BLOCK + 10]


def test_who_is_never_let_in_is_told_so_without_the_signature(provider, web, served):
    served.signed = True
    with pytest.raises(FetchFailed, match="does not let us in") as caught:
        RemoteFile(web, lambda again: provider.at("/a.bin?sig=Old-5170")).read(0, 10)
    assert "5170" not in str(caught.value)


def test_every_piece_keeps_its_distance(provider, web, served):
    now, slept = [0.0], []
    web.clock, web.sleep = lambda: now[0], slept.append
    file = remote(provider, web, pause=1.0)
    for block in (0, 10, 20):
        file.read(block * BLOCK, 10)
    assert slept == [1.0, 2.0]
