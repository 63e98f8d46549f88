"""A copy of the project in a folder of its own, and sessions in it as users start them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import yaml
from click.testing import CliRunner, Result
from kedro.framework.cli.cli import KedroCLI
from kedro.framework.startup import bootstrap_project
from mlflow.tracking import MlflowClient

from demand_forecast.framework import run_context
from demand_forecast.framework.session import SegmentSession

ROOT = Path(__file__).parents[2]


class Project:
    """Configuration and raw files; the code is that under test.

    Args:
        root: Folder to make it in.
        store: MLflow store to start with.
        raw: Folder with raw files, one folder per region.
        regions: Regions with their layouts; all of the project's if not given.
    """

    def __init__(
        self, root: Path, store: Path, raw: Path, regions: Mapping[str, str] | None = None
    ) -> None:
        self.root, self._ready = root, False
        shutil.copytree(ROOT / "conf", root / "conf", ignore=shutil.ignore_patterns("local"))
        (root / "conf" / "local").mkdir()
        (root / "src").mkdir()
        shutil.copy(ROOT / "pyproject.toml", root)
        shutil.copy(store, root / "mlflow.db")
        shutil.copytree(raw, root / "data" / "01_raw")
        if regions is not None:
            plan = {
                "store_formats": ["large", "small"],
                "regions": {name: {"layout": layout} for name, layout in regions.items()},
            }
            (root / "conf/base/segments.yml").write_text(yaml.safe_dump(plan, sort_keys=False))

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file that holds it."""
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    @property
    def tracking(self) -> MlflowClient:
        """Client of the project's MLflow store."""
        return MlflowClient(f"sqlite:///{self.root}/mlflow.db")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in the project's folder; nothing of it is left in the process afterwards."""
        folder, uri, context = Path.cwd(), mlflow.get_tracking_uri(), run_context.entered()
        variables = dict(os.environ)
        os.chdir(self.root)
        if not self._ready:  # Kedro looks through the sources of all that is loaded each time
            bootstrap_project(self.root)
            self._ready = True
        try:
            yield
        finally:
            os.chdir(folder)
            mlflow.set_tracking_uri(uri)
            run_context.enter(context)
            os.environ.clear()
            os.environ.update(variables)

    def run(
        self,
        *stages: str,
        env: str | None = "test",
        parameters: dict[str, Any] | None = None,
        **selection: Any,
    ) -> None:
        """Run a pipeline in this process, as ``kedro run`` does."""
        with (
            self.inside(),
            SegmentSession.create(self.root, env=env, runtime_params=parameters) as session,
        ):
            session.run(pipeline_names=list(stages) or None, **selection)

    @contextmanager
    def settings(self, variables: Mapping[str, str]) -> Iterator[None]:
        """Have environment variables set."""
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def command(self, *options: str, of: str = "run") -> Result:
        """``kedro run`` or another command in this process, with its output and exit code."""
        with self.inside():
            return CliRunner().invoke(KedroCLI(self.root), [of, *options])

    def start(
        self, *options: str, of: str = "run", folder: str = ".", **settings: str
    ) -> subprocess.Popen[str]:
        """``kedro run`` or another command in a process of its own, typed in a folder of it."""
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", of, *options],
            cwd=self.root / folder,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def load(self, names: Sequence[str], env: str | None = "test") -> dict[str, Any]:
        """Datasets by name, through the catalog."""
        with self.inside(), SegmentSession.create(self.root, env=env) as session:
            catalog = session.load_context().catalog
            return {name: catalog.load(name) for name in names}

    def files(self, folder: str = "data") -> set[str]:
        """All files below a folder of the project."""
        found = (self.root / folder).rglob("*")
        return {p.relative_to(self.root).as_posix() for p in found if p.is_file()}
