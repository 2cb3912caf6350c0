"""A whole refresh with its lake in a bucket, killed half-way, gives the lake and the figures of one on disk."""

import obstore
import pytest
from obstore.store import from_url

from poverty_assets.quarter import Quarter
from poverty_assets_tests.bucket import s3_server
from poverty_assets_tests.integration.conftest import QUARTER
from poverty_assets_tests.integration.refresher import Refresher
from poverty_assets_tests.integration.test_kill import opened
from poverty_assets_tests.integration.test_refresh import lake_bytes

KEY = Quarter.from_label(QUARTER).key
HALF_WAY = f"in place lake_copies/area_feature/quarter={KEY}/part.parquet"


def objects(server, address):
    """Bytes of every object of a lake but that which says whose it is, under the names that files of a home have."""
    local = {"client_options": {"allow_http": True}, "endpoint": server.endpoint, "region": "us-east-1"}
    keys = {"access_key_id": "somebody", "secret_access_key": "not-in-any-file"}
    store = from_url(address, **local, **keys)
    names = [one["path"] for some in obstore.list(store) for one in some if one["path"] != "lake.json"]
    return {f"lake/{name}": bytes(obstore.get(store, name).bytes()) for name in sorted(names)}


@pytest.mark.soak
def test_a_refresh_into_a_bucket_that_is_killed_gives_the_lake_and_the_figures_of_one_on_disk(
    published_home, landing, tmp_path
):
    with s3_server() as server, Refresher() as refresher:
        address = server.new_bucket()
        environment = {**server.environment, "POVERTY_ASSETS_BUCKET": address}
        request = {"landing": landing, "quarters": [QUARTER], "log": tmp_path / "log", "environment": environment}
        refresher.ask(home=tmp_path / "home", **request, kill_at=HALF_WAY)
        assert refresher.answer()["struck"]
        assert not any("quarter_seal" in name for name in objects(server, address))
        refresher.ask(home=tmp_path / "home", **request)
        assert refresher.answer()["code"] == 0, (tmp_path / "log").read_text()[-2000:]
        expected = lake_bytes(published_home)
        found = objects(server, address)
        assert sorted(found) == sorted(expected)
        assert [name for name in expected if found[name] != expected[name]] == []
        assert opened(tmp_path / "home") == opened(published_home)
        # a machine that has nothing publishes what the bucket holds
        refresher.ask(home=tmp_path / "elsewhere", **request)
        assert refresher.answer()["code"] == 0
        assert opened(tmp_path / "elsewhere") == opened(published_home)
        assert objects(server, address) == found
