"""Who does what comes in many pieces, as a resource that assets ask for: the stage of rasters and the replicates.

Belongs here: having the workers that settings name for as long as a run needs them. Does not belong here: handing pieces out
(``poverty_assets.workers``), or the pieces.
"""

from contextlib import ExitStack

import dagster as dg
from pydantic import PrivateAttr

from poverty_assets.settings import Settings
from poverty_assets.workers import Threads, Workers, open_workers


class Compute(dg.ConfigurableResource):
    """Threads of this process, or Dask: ``POVERTY_ASSETS_DASK``.

    Like the home it is no configuration of a run: whoever may start one could otherwise send the work elsewhere.

    Attributes
    ----------
    settings : Settings
    """

    settings: dg.ResourceDependency[Settings]
    _open: ExitStack | None = PrivateAttr(default=None)
    _workers: Workers | None = PrivateAttr(default=None)

    @property
    def workers(self) -> Workers:
        """Of replicates."""
        if self._workers is None:
            self._open = ExitStack()
            self._workers = self._open.enter_context(open_workers(self.settings.dask))
        return self._workers

    @property
    def raster_workers(self) -> Workers:
        """Of rasters: where no others are asked for one after the other, here, so that few lie in memory at a time."""
        return self.workers if self.settings.dask else Threads(1)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Let them go."""
        if self._open is not None:
            self._open.close()
        self._open = self._workers = None
