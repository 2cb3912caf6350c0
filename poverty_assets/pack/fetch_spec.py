"""What every block ``fetch`` states, and what an address may hold.

Belongs here: the base of the forms of that block. Does not belong here: the form of any client's (``fetch``).

An address is a template. It may hold ``{year}``, ``{label}`` (``2022Q1``), ``{number}`` (1 to 4), ``{month}`` (two digits: one address for
each month of the period), ``{first_month}`` (two digits: that with which the period begins), ``{next_year_2}`` (two digits of the year that
follows: of snapshots made on new year's day), ``{iso3}``, ``{iso3_lower}``, ``{name}`` (the country's English name in small letters, parted
by hyphens), what ``names`` gives and, of the clients that fill them in, ``{release}`` (``object_store``), ``{lat}`` and ``{lon}``
(``tiles``).
"""

from __future__ import annotations

import re
from string import Formatter
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from poverty_assets.lined_yaml import Form, misfit, nearest, raise_misfits

FIELDS = ("year", "label", "number", "month", "first_month", "next_year_2", "release", "iso3", "iso3_lower", "name")
"""What an address may hold in braces."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
PATIENCE_DAYS = 75
"""Days after a quarter's end for which it may be waited for at most."""

Combine = Literal["sum", "mean", "minimum", "maximum"]


def fields_in(address: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in Formatter().parse(address) if name is not None}


def is_guarded(address: str) -> bool:
    """Whether nobody between here and there can change what comes: TLS, or this very machine."""
    parts = urlsplit(address)
    return parts.scheme in ("https", "s3") or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


class FetchBase(Form):
    """What every block ``fetch`` states.

    Attributes
    ----------
    client : str
        The protocol.
    address : str
        Where it is, see above.
    lag_days : int
        Days after the end of the observed period by which it can be expected.
    resolution : str
        In words, as ``30 arc-seconds``.
    citation : str
        As the publisher wants to be cited.
    licence : str, optional
        Of this provider's file, where it is another than the entry's.
    confirmed : str
        Where address, parameters and names of variables were read.
    non_commercial : bool
        The licence forbids commercial use: fetched only when the source is named.
    token : str, optional
        Environment variable with the secret that the publisher asks for, sent as a bearer token. It is written nowhere.
    pause_seconds : float
        Least time between two requests to the same host.
    names : dict of str to str
        Further names that the address holds in braces, and what stands there: what differs by country, as ``{region: asia}``.
    """

    readers: ClassVar[tuple[str, ...]] = ()
    """Readers of what this client lands; empty: any."""
    fills: ClassVar[tuple[str, ...]] = ()
    """Further names in braces that this client fills in itself."""

    client: str
    address: str
    lag_days: int = Field(default=0, ge=0)
    resolution: str | None = None
    citation: str
    licence: str | None = None
    confirmed: str
    non_commercial: bool = False
    token: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$")
    pause_seconds: float = Field(default=1.0, ge=0)
    names: dict[str, str] = Field(default_factory=dict)

    @property
    def lands(self) -> tuple[str, ...]:
        """Readers of what it lands; empty: any."""
        return self.readers

    @model_validator(mode="after")
    def _address_can_be_filled_in(self) -> FetchBase:
        try:
            held = fields_in(self.address)
        except ValueError as error:
            raise misfit(f"the address is no template: {error}", "close every brace", "address") from None
        known = {*FIELDS, *self.fills, *self.names}
        found = [
            misfit(
                f"the address holds {{{name}}}", f"{nearest(name, known)} Or state names: {{{name}: ...}}", "address"
            )
            for name in sorted(held - known)
        ]
        if not is_guarded(re.sub(r"\{\w*\}", "x", self.address)):
            found.append(misfit("the address is not https", "write https://, or http:// of this machine", "address"))
        raise_misfits(found)
        return self
