"""A sign of life is warm for as long as its process lives, and nobody takes the living for dead."""

import contextlib
import subprocess
import sys

from poverty_assets.signs_of_life import SignOfLife, Turn, anyone_alive, cold_signs

PROGRAM = (
    "import pathlib, sys; from poverty_assets.signs_of_life import SignOfLife;"
    " sign = SignOfLife(pathlib.Path(sys.argv[1])); print('up', flush=True); sys.stdin.read()"
)


def cold(folder):
    with contextlib.ExitStack() as held:
        return cold_signs(folder, held)


def test_a_sign_is_warm_until_its_process_is_killed(tmp_path):
    place = tmp_path / "run.lock"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    assert anyone_alive(tmp_path)
    assert cold(tmp_path) == []
    process.kill()
    process.communicate()
    assert not anyone_alive(tmp_path)
    assert cold(tmp_path) == [place]


def test_a_sign_that_was_taken_back_is_nobodys(tmp_path):
    sign = SignOfLife(tmp_path / "run.lock")
    assert anyone_alive(tmp_path)
    sign.take_back()
    assert not anyone_alive(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_whoever_holds_a_cold_sign_holds_it_alone(tmp_path):
    SignOfLife(tmp_path / "run.lock").leave_behind()
    with contextlib.ExitStack() as held:
        assert len(cold_signs(tmp_path, held)) == 1
        assert cold(tmp_path) == []
    assert len(cold(tmp_path)) == 1


TURN = (
    "import pathlib, sys; from poverty_assets.signs_of_life import Turn;"
    " turn = Turn(pathlib.Path(sys.argv[1]), 'run 1', print); print('up', flush=True); sys.stdin.read()"
)


def test_whoever_wants_a_turn_is_told_for_whom_it_waits_and_goes_on_when_the_holder_is_killed(tmp_path):
    place, waited_for = tmp_path / "2022-10-01.lock", []
    process = subprocess.Popen([sys.executable, "-c", TURN, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"

    def told(holder):
        waited_for.append(holder)
        process.kill()  # while this one sleeps, or before

    turn = Turn(place, "run 2", told)
    process.communicate()
    assert waited_for == ["run 1"]
    turn.end()
    Turn(place, "run 3", waited_for.append).end()
    assert waited_for == ["run 1"]
