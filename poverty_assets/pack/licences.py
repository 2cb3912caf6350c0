"""Which licence figures go on under, from the licences of the sources that they rest on.

Belongs here: what known licences ask (``licences.yaml``), and the rule by which those of several sources together decide. Does not belong
here: which sources a file rests on (``warehouse``).

The rule: the source that asks most decides.

1. A source whose licence is not known, or not stated, or that forbids it, and nothing is redistributed until that is settled.
2. Sources that ask for their own licence (share-alike): that licence, if it is one. Two of them, or one beside a source that forbids
   commercial use, cannot both be met: nothing is redistributed as one work.
3. A source that forbids commercial use: CC BY-NC 4.0, or its own licence where that is share-alike, too.
4. A source that is to be named: CC BY 4.0.
5. Else CC0 1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from poverty_assets.lined_yaml import Form, read_lined_yaml

Kind = Literal["public", "attribution", "results", "share_alike", "non_commercial", "closed", "unstated"]


class Licence(Form):
    """A licence: what it is called, what it asks, and how sources write it beside its name and SPDX identifier; of one that is not stated,
    where it was looked for."""

    name: str
    kind: Kind
    spdx: str | None = None
    url: str | None = None
    share_alike: bool = False
    looked: str | None = None
    written: list[str] = Field(default_factory=list)

    @property
    def is_shared_alike(self) -> bool:
        """Whether what is made from the source goes on under the same licence."""
        return self.share_alike or self.kind == "share_alike"


@dataclass(frozen=True)
class Terms:
    """What figures go on under.

    Attributes
    ----------
    licence : Licence or None
        None where they are not to be redistributed.
    reason : str
        Which sources decide, in a sentence.
    """

    licence: Licence | None
    reason: str


def terms_of(sources: Mapping[str, str]) -> Terms:
    """The terms that follow from sources: the text of each one's licence by its id.

    Examples
    --------
    >>> terms_of({"a": "CC BY 4.0", "b": "CC BY-SA 4.0", "c": "public domain"}).licence.name
    'CC BY-SA 4.0'
    >>> terms_of({"a": "CC BY 4.0", "b": "ask the office"}).reason
    "nobody has said what the licence of b ('ask the office') asks: not to be redistributed until it is known"
    """
    known = known_licences()
    held = {source: known.get(text.strip().lower()) for source, text in sources.items()}
    found = {source: licence for source, licence in held.items() if licence is not None}
    for source in sorted(set(sources) - set(found)):
        text = f"nobody has said what the licence of {source} ({sources[source]!r}) asks"
        return Terms(None, f"{text}: not to be redistributed until it is known")
    unstated = sorted(source for source, licence in found.items() if licence.kind == "unstated")
    if unstated:
        why = f"the publisher of {unstated[0]} states no licence ({found[unstated[0]].looked})"
        return Terms(None, f"{why}: not to be redistributed until it is asked")
    by_kind: dict[Kind, list[str]] = {}
    for source, licence in sorted(found.items()):
        by_kind.setdefault(licence.kind, []).append(source)
    if "closed" in by_kind:
        return Terms(None, f"nothing made from it may be passed on: {_named(by_kind['closed'])}")
    alike = {licence.name: licence for licence in found.values() if licence.is_shared_alike}
    free = [source for source in by_kind.get("non_commercial", []) if not found[source].is_shared_alike]
    if len(alike) > 1 or (free and any(one.kind == "share_alike" for one in alike.values())):
        asked = sorted({*alike, *(found[source].name for source in free)})
        return Terms(None, f"{' and '.join(asked)} cannot both be met: not to be redistributed as one work")
    if alike:
        ((name, licence),) = alike.items()
        return Terms(
            licence,
            f"its own licence is asked for by {_named([s for s, one in sorted(found.items()) if one.name == name])}",
        )
    if free:
        return Terms(known["cc by-nc 4.0"], f"commercial use is forbidden by {_named(free)}")
    named = sorted([*by_kind.get("attribution", []), *by_kind.get("results", [])])
    if named:
        return Terms(known["cc by 4.0"], f"to be named: {_named(named)}")
    return Terms(known["cc0 1.0"], "no source asks for anything")


def known_licences() -> dict[str, Licence]:
    """Licences by their name, SPDX identifier and every other way in which sources write them, in small letters."""
    listed: list[Licence] = read_lined_yaml(Path(__file__).with_name("licences.yaml"), list).checked(list[Licence])
    ways = ((one, way) for one in listed for way in (one.name, one.spdx, *one.written) if way)
    return {way.lower(): one for one, way in ways}


def _named(sources: list[str]) -> str:
    """A few names of sources, and how many more."""
    return ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
