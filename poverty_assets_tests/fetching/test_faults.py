"""Random sequences of faults over every protocol: the right bytes where they can be had, one sentence where not, never half a file."""

import pytest

from poverty_assets_tests.fetching.faults import PASSING, calm, drawn, had, run
from poverty_assets_tests.fetching.protocols import PROTOCOLS


def wrong(outcomes):
    return [f"{one.sequence}: {one.told.state}: {one.told.words}: {one.wrong}" for one in outcomes if one.wrong]


@pytest.mark.slow
def test_two_sequences_of_faults_of_every_protocol_end_as_they_should():
    outcomes = run(20261127, 2 * len(PROTOCOLS))
    assert wrong(outcomes) == []
    assert had(outcomes) >= 0.95


@pytest.mark.soak
@pytest.mark.parametrize("seed", [31, 32])
def test_two_hundred_sequences_of_faults_end_as_they_should(seed):
    outcomes = run(seed, 200)
    assert wrong(outcomes) == []
    assert had(outcomes) >= 0.95


def test_the_same_seed_draws_the_same_sequences_of_every_kind():
    sequences = list(drawn(7, 200))
    assert [str(one) for one in sequences] == [str(one) for one in drawn(7, 200)]
    assert {one.protocol.name for one in sequences} == {one.name for one in PROTOCOLS}
    assert {fault for one in sequences for fault in one.faults if fault} == set(PASSING)
    assert len({one.lasting for one in sequences}) > 8
    assert 0.5 < sum(one.can_be_had for one in sequences) / len(sequences) < 0.9


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda one: one.name)
def test_what_has_not_changed_does_not_come_again(protocol, tmp_path):
    """No body moves of a second fetch: neither of the source nor, where its answers can be known again, of its catalogue."""
    first, second = calm(protocol, tmp_path, 2)
    assert (first.state, second.state) == ("fetched", "unchanged")
    assert first.sent > 300
    # an address that is signed is a secret, and kept nowhere: the document that gives it comes again
    again = {"https, link": 100}
    assert second.sent <= again.get(protocol.name, 0)
    assert second.moved <= again.get(protocol.name, 0)
