"""One client a protocol: what a publisher has of an order, and the file made from it.

Belongs here: a module for each protocol, and which ``fetch.client`` names which. Does not belong here: what a source is, and what
becomes of the file (``landing``).
"""

from __future__ import annotations

from poverty_assets.fetching.clients.ckan import CkanClient
from poverty_assets.fetching.clients.cog import CogClient
from poverty_assets.fetching.clients.data_store import DataStoreClient
from poverty_assets.fetching.clients.earthdata import EarthdataClient
from poverty_assets.fetching.clients.folder import FolderClient
from poverty_assets.fetching.clients.https import HttpsClient
from poverty_assets.fetching.clients.index import IndexClient
from poverty_assets.fetching.clients.object_store import ObjectStoreClient
from poverty_assets.fetching.clients.offer import Client, Offer
from poverty_assets.fetching.clients.pbf import PbfClient
from poverty_assets.fetching.clients.rest import RestClient
from poverty_assets.fetching.clients.sdmx import SdmxClient
from poverty_assets.fetching.clients.stac import StacClient
from poverty_assets.fetching.clients.tiles import TilesClient
from poverty_assets.fetching.orders import Order
from poverty_assets.fetching.web import Web

CLIENTS: dict[str, Client] = {
    "https": HttpsClient(),
    "cog_window": CogClient(),
    "folder": FolderClient(),
    "ckan": CkanClient(),
    "rest": RestClient(),
    "sdmx": SdmxClient(),
    "stac": StacClient(),
    "tiles": TilesClient(),
    "index": IndexClient(),
    "earthdata": EarthdataClient(),
    "data_store": DataStoreClient(),
    "pbf": PbfClient(),
    "object_store": ObjectStoreClient(),
}


def client_of(name: str) -> Client:
    """The client of a protocol."""
    return CLIENTS[name]


def glance(order: Order, web: Web) -> Offer:
    """What a publisher has of an order, as far as a few answers tell; where a client has no such way, all that it offers.

    Raises
    ------
    FetchFailed
    """
    client = client_of(order.fetch.client)
    found: Offer = getattr(client, "glance", client.offer)(order, web)
    return found
