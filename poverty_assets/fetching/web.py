"""One polite way to ask over HTTP.

Belongs here: the session (time limits, redirects, pace, what is worth another try and after which wait), answers that need not come
again (``answers``), and errors of the network as sentences. Does not belong here: what is asked for, or files (``download``, ``remote``).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import importlib.metadata
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import stamina

from poverty_assets.errors import FetchFailed, NotThere
from poverty_assets.fetching.addresses import shown
from poverty_assets.fetching.answers import KeptAnswer, KeptAnswers, Version
from poverty_assets.pack.fetch_spec import is_guarded

_log = logging.getLogger(__name__)
T = TypeVar("T")
ATTEMPTS = 6
LONGEST_WAIT = 300.0
"""Seconds of ``Retry-After`` that are waited for; who asks for more is asked again another day."""
WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})
SILENCE = 30.0
"""Seconds without a byte after which a server counts as silent."""
_REDIRECTS = 5


class Refused(Exception):
    """The server answered with a status that a later try may not meet."""

    def __init__(self, status: int, wait: float | None) -> None:
        self.status, self.wait = status, wait
        super().__init__(f"the server answered {status}")

    def __reduce__(self) -> tuple[Any, ...]:
        """As it was made, in another process too."""
        return type(self), (self.status, self.wait)


class NoToken(FetchFailed):
    """The source wants a secret that is not set."""


class NotLetIn(FetchFailed):
    """The server asks who we are: a token that is wrong, or a signed address whose time is over."""


class BadRequest(FetchFailed):
    """The server understands the address and not, or no more, what it is asked for there."""


class NoSuchMethod(FetchFailed):
    """The server does not know how to answer such a request: some cannot tell of a file without sending it."""


class NotTheFile(Exception):
    """What came is not the file: an HTML page, a piece of the wrong length, another digest. The next try may be better.

    Parameters
    ----------
    problem : str
    remedy : str
        Where no try is better.
    """

    def __init__(self, problem: str, remedy: str = "open the address in a browser and read what it says") -> None:
        self.remedy = remedy
        super().__init__(problem)


def worth_another_try(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds: stamina's back-off hook."""
    if isinstance(error, Refused):
        if error.wait is None:
            return True
        return error.wait if error.wait <= LONGEST_WAIT else False
    return isinstance(error, httpx.RequestError | NotTheFile)


def seconds_to_wait(header: str | None, now: dt.datetime) -> float | None:
    """What ``Retry-After`` asks for: seconds, or a date; None where it says neither.

    Parameters
    ----------
    header : str, optional
    now : datetime with its time zone
    """
    if header is None:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(header) - now).total_seconds())
    except (TypeError, ValueError):
        return None


@dataclass
class Web:
    """The session of one fetch.

    Attributes
    ----------
    client : httpx.Client
    sleep, clock : callable
        For the pace; tests give their own.
    silence : float
        Seconds without a byte after which a server counts as silent.
    moved : int
        Bytes of bodies that came.
    answers : KeptAnswers
        Of catalogues, from the last time.
    progress : callable
        Takes the bytes that came by now, whenever some come.
    """

    client: httpx.Client
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    attempts: int = ATTEMPTS
    silence: float = SILENCE
    moved: int = 0
    answers: KeptAnswers = field(default_factory=KeptAnswers)
    progress: Callable[[int], None] = lambda moved: None
    _asked: dict[str, float] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _peace: dict[str, tuple[float, int]] = field(default_factory=dict)

    def count(self, size: int) -> None:
        """Note bytes that came."""
        self.moved += size
        self.progress(self.moved)

    @contextmanager
    def tries(self, address: str) -> Iterator[Any]:
        """Attempts at what ``address`` is asked for; errors of the last one come out as sentences."""
        with explained(address):
            yield stamina.retry_context(
                on=worth_another_try, attempts=self.attempts, timeout=None, wait_initial=1.0, wait_max=60.0
            )

    @contextmanager
    def ask(
        self,
        method: str,
        address: str,
        *,
        pause: float = 0.0,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> Iterator[httpx.Response]:
        """One request; the body is not read yet. Once only: see ``tries``.

        Raises
        ------
        Refused
            If a later try may be answered better.
        FetchFailed
            If it will not.
        """
        self.wait_for_turn(address, pause)
        with self.client.stream(method, address, headers=headers or {}, json=body) as answer:
            if answer.status_code in WORTH_ANOTHER_TRY:
                wait = seconds_to_wait(answer.headers.get("retry-after"), dt.datetime.now(dt.UTC))
                self._peace[httpx.URL(address).host] = self.clock() + (wait or 0.0), answer.status_code
                raise Refused(answer.status_code, wait)
            if answer.status_code in (401, 403) and answer.history:
                raise Refused(
                    answer.status_code, None
                )  # the next time we may be sent on to an address that is signed anew
            if answer.status_code >= 400 and answer.status_code != 416:
                raise _final(answer.status_code, address)
            yield answer

    def read(
        self,
        address: str,
        how: Callable[[bytes], T],
        *,
        pause: float = 0.0,
        headers: dict[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        keep: bool = True,
    ) -> T:
        """What an address of some megabytes answers with; what has not changed does not come again.

        Parameters
        ----------
        how : callable
            Makes something of the body; raises ``NotTheFile`` where it is not what was asked for: a busy server may say so with a 200.
        body : JSON, optional
            Is posted: then the answer is of this request alone, and not kept.
        keep : bool
            Whether it may be kept for the next time: no secret may.

        Raises
        ------
        FetchFailed
        """
        with self.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    answer = self._answer(address, pause, headers or {}, params, body)
                    found = how(answer.data)
                    if keep and body is None:
                        self.answers.keep(answer)
                    return found
        raise AssertionError("unreachable")  # stamina ends with a value or an error

    def json(self, address: str, how: Callable[[Any], T] = lambda found: found, **more: Any) -> T:
        """The same of an answer in JSON.

        Raises
        ------
        FetchFailed
        """
        return self.read(address, lambda body: how(_parsed(body)), **more)

    def _answer(
        self, address: str, pause: float, headers: dict[str, str], params: Mapping[str, str] | None, body: Any
    ) -> KeptAnswer:
        asked = str(httpx.URL(address).copy_merge_params(params or {}))
        before = self.answers.of(asked) if body is None else None
        unless, method = before.version.unless if before else {}, "GET" if body is None else "POST"
        with self.ask(method, asked, pause=pause, headers=headers | unless, body=body) as answer:
            if answer.status_code == 304 and before is not None:
                self.answers.used(before)
                return before
            data = answer.read()
            self.count(len(data))
            return KeptAnswer(asked, data, Version.of(answer))

    def look(self, address: str, *, pause: float = 0.0, headers: dict[str, str] | None = None) -> Version:
        """What the server says of a file, without its body.

        Raises
        ------
        FetchFailed
        """
        with self.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    return self._looked(address, pause, headers or {})
        raise AssertionError("unreachable")  # stamina ends with a value or an error

    def _looked(self, address: str, pause: float, headers: dict[str, str]) -> Version:
        try:
            with self.ask("HEAD", address, pause=pause, headers=headers) as answer:
                found = answer
        except NoSuchMethod:
            with self.ask("GET", address, pause=pause, headers=headers | {"Range": "bytes=0-0"}) as answer:
                found = answer  # its body is not read
        if "text/html" in found.headers.get("content-type", "").lower():
            raise NotTheFile("a web page came in place of the file")
        return Version.of(found)

    def let_in(self, signed: Callable[[bool], str], how: Callable[[str], T]) -> T:
        """What is done with an address whose time may be over before it is done: then it is signed anew.

        Parameters
        ----------
        signed : callable
            Gives the address; with True one that is signed anew.
        how : callable
            Takes the address.

        Raises
        ------
        FetchFailed
        """
        address = signed(False)
        with self.tries(address) as attempts:
            for attempt in attempts:
                with attempt:
                    try:
                        return how(address)
                    except NotLetIn:
                        before, address = address, signed(True)
                        if address == before:
                            raise
                        raise Refused(403, None) from None
        raise AssertionError("unreachable")  # stamina ends with a value or an error

    def wait_for_turn(self, address: str, pause: float) -> None:
        """Leave a host in peace for so long after the request before, whoever asks, and for as long as it asked for.

        Raises
        ------
        Refused
            If it asked to be left for longer than is waited for: nothing is asked.
        """
        host = httpx.URL(address).host
        with self._turn:
            now = self.clock()
            peace, status = self._peace.get(host, (now, 0))
            if peace - now > LONGEST_WAIT:
                raise Refused(status, peace - now)
            due = max(now, self._asked.get(host, float("-inf")) + pause, peace)
            self._asked[host] = due
        if due > now:
            self.sleep(due - now)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotTheFile("an answer came that is not JSON") from None


@contextmanager
def open_web(silence: float = SILENCE, **more: Any) -> Iterator[Web]:
    """A session for the real world; ``more`` as in ``Web``."""
    version = importlib.metadata.version("poverty-assets")
    with (
        _secrets_unlogged(),
        httpx.Client(
            headers={"User-Agent": f"poverty-assets/{version}", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(silence, connect=min(silence, 15.0)),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            event_hooks={"request": [_refuse_the_open_road]},
        ) as client,
    ):
        stamina.instrumentation.set_on_retry_hooks([_tell_of_another_try])
        try:
            yield Web(client, silence=silence, **more)
        finally:
            stamina.instrumentation.set_on_retry_hooks(None)


@contextmanager
def _secrets_unlogged() -> Iterator[None]:
    """httpx logs whole addresses, httpcore whole headers: signatures and tokens would stand in logs."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    before = [one.level for one in loggers]
    for one in loggers:
        one.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for one, level in zip(loggers, before, strict=True):
            one.setLevel(level)


def _tell_of_another_try(details: Any) -> None:
    """In place of stamina's own log, which goes to the standard output."""
    _log.warning(
        "trying again in %.0f s: %s", details.wait_for, str(details.caused_by) or type(details.caused_by).__name__
    )


def bearer(variable: str | None) -> dict[str, str]:
    """The header with the secret that an environment variable holds; it is read where it is sent and kept nowhere.

    Raises
    ------
    NoToken
        If the variable is not set.
    """
    return {name: f"Bearer {value}" for name, value in secret(variable, "Authorization").items()}


def secret(variable: str | None, header: str) -> dict[str, str]:
    """The same as the header of a name, without a word before it.

    Raises
    ------
    NoToken
    """
    if variable is None:
        return {}
    if not os.environ.get(variable):
        raise NoToken(
            f"this source wants a token, and {variable} is not set",
            remedy=f"register with the publisher, and set {variable} to the token that it gives you",
        )
    return {header: os.environ[variable]}


def _refuse_the_open_road(request: httpx.Request) -> None:
    if not is_guarded(str(request.url)):
        raise FetchFailed(
            f"the server sends on to {shown(str(request.url))}, which anybody on the way could change",
            remedy="state an https address in the entry",
        )


def _final(status: int, address: str) -> FetchFailed:
    where = shown(address)
    if status in (404, 410):
        return NotThere(
            f"there is no such file ({status})", address=where, remedy="look on the publisher's page for where it went"
        )
    if status in (405, 501):
        return NoSuchMethod(
            f"the server does not take the request ({status})", address=where, remedy="check the entry's address"
        )
    if status in (401, 403):
        return NotLetIn(
            f"the server does not let us in ({status})",
            address=where,
            remedy="check the token, and on the publisher's page whether the application must be authorised first",
        )
    kind = BadRequest if status in (400, 422) else FetchFailed
    return kind(f"the server refused the request ({status})", address=where, remedy="check the entry's address")


@contextmanager
def explained(address: str) -> Iterator[None]:
    """Errors of the network as sentences."""
    later = "try again later; what came so far is kept and continued"
    where = shown(address)
    try:
        yield
    except FetchFailed as error:
        if error.address is not None:
            raise
        raise type(error)(error.problem, address=where, remedy=error.remedy) from None
    except Refused as error:
        if error.status in (401, 403):
            raise _final(error.status, address) from None
        waited = f" and asks to wait {error.wait:.0f} seconds" if error.wait is not None else ""
        often = "" if error.wait is not None and error.wait > LONGEST_WAIT else ", at every try"
        raise FetchFailed(f"{error}{waited}{often}", address=where, remedy=later) from None
    except NotTheFile as error:
        raise FetchFailed(str(error), address=where, remedy=error.remedy) from None
    except httpx.TooManyRedirects:
        raise FetchFailed(
            f"the server sends on more than {_REDIRECTS} times", address=where, remedy="check the entry's address"
        ) from None
    except httpx.TimeoutException:
        raise FetchFailed("the server is silent, at every try", address=where, remedy=later) from None
    except (httpx.RequestError, httpx.InvalidURL) as error:
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise FetchFailed(
            f"the connection failed, at every try ({said})", address=where, remedy=f"check the network, and {later}"
        ) from None
