"""A Postgres of a test's own: on loopback, in a folder that is gone with it, run by somebody without rights.

Belongs here: starting and stopping one. Debian has it as the package ``postgresql``; where it is not installed, tests that ask for it are
skipped by name.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

USER, PASSWORD = "poverty", "not-in-any-file"


class Postgres:
    """A server that is told to start and to stop.

    Parameters
    ----------
    folder : Path
        A folder of its own that others may enter.
    """

    def __init__(self, folder: Path) -> None:
        self._data, self._programs = folder / "data", _programs()
        self._as: list[str] = []
        if os.getuid() == 0:  # which Postgres refuses to be run by
            owner = next(one for one in map(_user, ("postgres", "nobody")) if one)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
            self._as = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "--pgdata", self._data, "--username", USER, "--pwfile", secret, "--no-sync",
                  "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")  # fmt: skip
        with socket.socket() as tried:
            tried.bind(("127.0.0.1", 0))
            self.port = tried.getsockname()[1]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--silent", "-D", self._data, "-l", self._data / "log", "-o", options)

    def stop(self) -> None:
        """Stop it at once, whoever is connected."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "-D", self._data, "-m", "immediate")

    def new_database(self, name: str) -> str:
        """Make a database; returns its address."""
        import psycopg2

        with contextlib.closing(psycopg2.connect(self._address("postgres"))) as connection:
            connection.autocommit = True
            connection.cursor().execute(f'CREATE DATABASE "{name}"')
        return self._address(name)

    def _address(self, database: str) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [*self._as, str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert done.returncode == 0, done.stdout.decode()


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs; the test is skipped where there is none to run."""
    if _programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Postgres: .ci/run must install it")
        pytest.skip("no Postgres here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders nobody else may enter
    server = Postgres(folder)
    try:
        server.start()
        yield server
    finally:
        with contextlib.suppress(AssertionError):  # a test may have stopped it
            server.stop()
        shutil.rmtree(folder)


def _programs() -> Path | None:
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *map(Path, os.environ["PATH"].split(os.pathsep))]
    return next((folder for folder in found if (folder / "initdb").exists()), None)


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
