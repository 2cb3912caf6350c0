"""A bucket that anybody may list and read, as Amazon's S3 is one.

Belongs here: where its objects lie over HTTPS, and its lists. It is asked as everything else is: libraries of buckets show no headers of an
answer, so that ``Retry-After`` could not be heeded. Does not belong here: what is in a file (``object_store``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from poverty_assets.errors import FetchFailed
from poverty_assets.fetching.answers import Version
from poverty_assets.fetching.web import NotTheFile, Web
from poverty_assets.pack.fetch import ObjectStoreFetch

_MOST_PAGES = 1000


@dataclass(frozen=True)
class Bucket:
    """A bucket.

    Attributes
    ----------
    name : str
    root : str
        Where it lies over HTTPS, without a slash at its end.
    web : Web
    pause : float
    """

    name: str
    root: str
    web: Web
    pause: float = 0.0

    @classmethod
    def of(cls, fetch: ObjectStoreFetch, web: Web) -> Bucket:
        """That of an entry: at the entry's endpoint, else at Amazon's of its region."""
        name = urlsplit(fetch.address).netloc
        own = f"https://{name}.s3.{fetch.region}.amazonaws.com"
        return cls(
            name, own if fetch.endpoint is None else f"{fetch.endpoint.rstrip('/')}/{name}", web, fetch.pause_seconds
        )

    def named(self, key: str) -> str:
        """An object as people write it: ``s3://bucket/a/b``."""
        return f"s3://{self.name}/{key}"

    def address(self, key: str) -> str:
        """Where an object lies over HTTPS."""
        return f"{self.root}/{quote(key, safe='/=')}"

    def files(self, prefix: str) -> list[tuple[str, Version]]:
        """Keys of objects under a prefix, each with what is known of it.

        Raises
        ------
        FetchFailed
        """
        return [
            (_text(one, "Key"), Version(int(_text(one, "Size") or 0) or None, _text(one, "ETag") or None, _second(one)))
            for page in self._pages({"prefix": prefix})
            for one in page.findall("{*}Contents")
        ]

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right under a prefix.

        Raises
        ------
        FetchFailed
        """
        pages = self._pages({"prefix": prefix, "delimiter": "/"})
        paths = [_text(one, "Prefix") for page in pages for one in page.findall("{*}CommonPrefixes")]
        return [path.rstrip("/").rpartition("/")[2] for path in paths]

    def _pages(self, asked: dict[str, str]) -> Iterator[ElementTree.Element]:
        more: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            params = {"list-type": "2", **asked, **more}
            page = self.web.read(self.root, _list, pause=self.pause, params=params, keep=False)
            yield page
            following = _text(page, "NextContinuationToken")
            if not following:
                return
            more = {"continuation-token": following}
        raise FetchFailed(f"there is no end after {_MOST_PAGES:,} pages of its list", address=self.root)


def _list(body: bytes) -> ElementTree.Element:
    try:
        found = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        found = None
    if found is None or not found.tag.endswith("ListBucketResult"):
        raise NotTheFile("the answer is no list of a bucket", "look whether it is still open to all")
    return found


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""


def _second(one: ElementTree.Element) -> str | None:
    """When an object was changed, to the second."""
    said = _text(one, "LastModified")
    return f"{said[:19]}Z" if said else None
