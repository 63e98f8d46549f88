"""The Kedro session of this project: ``--namespaces`` brings a segment's raw data along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kedro.framework.session import KedroSession

from demand_forecast import segments
from demand_forecast.exceptions import ConfigurationError, did_you_mean


class SegmentSession(KedroSession):
    """A session in which a slice by namespace starts from raw files, like every job.

    A segment's raw files are read by nodes of its *region*, which a plain namespace filter would
    leave out. Those nodes carry their segments' names as tags, so the slice is made by tag.
    """

    def run(
        self,
        *args: Any,
        tags: Iterable[str] | None = None,
        namespaces: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Run a pipeline; see :meth:`kedro.framework.session.KedroSession.run`.

        Raises:
            ConfigurationError: If a namespace is no region or segment of the environment.
        """
        wanted = list(namespaces or [])
        if not wanted or tags:
            return super().run(*args, tags=tags, namespaces=wanted or None, **kwargs)
        self.load_context()  # configures the segments of the environment
        plan = segments.current()
        valid = {*plan.regions, *(s.namespace for s in plan.segments)}
        for name in wanted:
            if name not in valid:
                raise ConfigurationError(
                    f"--namespaces: there is no region or segment '{name}' in this environment. "
                    f"{did_you_mean(name, valid)}"
                )
        return super().run(*args, tags=wanted, **kwargs)
