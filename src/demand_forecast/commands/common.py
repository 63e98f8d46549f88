"""What commands share: errors in one line, and options of the same meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from kedro.framework.context import KedroContext
from kedro.framework.startup import ProjectMetadata

Command = TypeVar("Command", bound=Callable[..., Any])

env_option = click.option("--env", "-e", default=None, help="Kedro environment.")
namespace_option = click.option(
    "--namespace",
    default=None,
    help="A region, a segment or a velocity of one, such as north_texas.large.fast; default: all.",
)
host_option = click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address that it listens on; the default can be reached from this machine only.",
)


def port_option(default: int) -> Callable[[Command], Command]:
    """The option ``--port`` of a command that serves something."""
    return click.option("--port", default=default, show_default=True, help="Where it listens.")


def table_option(what: str, *endings: str) -> Callable[[Command], Command]:
    """The option ``--output`` of a command that prints a table.

    Args:
        what: What the user calls it: table, sheet.
        endings: Those that a file may have.
    """
    return click.option(
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        default=None,
        help=f"File to write the {what} into as well; its name ends in {' or '.join(endings)}.",
    )


class InWords(click.Command):
    """A command that says in one line what goes wrong, where it is no fault of the code."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read what was typed, and the files that it names."""
        with _in_words():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _in_words():
            return super().invoke(ctx)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
            raise
        from demand_forecast.framework.failures import explained

        message = explained(error)
        if message is None:
            raise
        raise click.ClickException(message) from error


class CommandGroup(click.Group):
    """Commands of the project."""

    command_class = InWords
    group_class = type


@contextmanager
def loaded(project: ProjectMetadata, env: str | None) -> Iterator[KedroContext]:
    """The project's context, for a command that runs no pipeline; its session is closed after.

    Args:
        project: The project that ``kedro`` was started in.
        env: Kedro environment.
    """
    from demand_forecast.framework.session import SegmentSession

    with SegmentSession.for_command(project.project_path, env) as session:
        yield session.load_context()
