"""The size of the simulated company."""

from __future__ import annotations

from dataclasses import dataclass

from demand_forecast.exceptions import ConfigurationError, did_you_mean

CHANNELS = {"large": ("supermarket", "big_box"), "small": ("pharmacy", "convenience")}
"""Kinds of stores by store format."""

FORMATS = tuple(CHANNELS)


@dataclass(frozen=True)
class Company:
    """How much to simulate.

    Attributes:
        stores: Stores per region; with both formats, four of ten are large.
        products: Products, the same in every region; every other one moves fast.
        weeks: Weeks of history, from the week ending 7 January 2017.
        seed: Other seeds give other data.
        formats: Store formats.

    Raises:
        ConfigurationError: If a number is not positive or a format cannot be simulated.
    """

    stores: int
    products: int
    weeks: int
    seed: int
    formats: tuple[str, ...] = FORMATS

    def __post_init__(self) -> None:
        for name in ("stores", "products", "weeks"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; at least 1 is needed.")
        if self.seed < 0:
            raise ConfigurationError(f"seed is {self.seed}; it must not be negative.")
        for name in self.formats or ("(none)",):
            if name not in FORMATS:
                raise ConfigurationError(
                    f"store format '{name}' cannot be simulated. {did_you_mean(name, FORMATS)}"
                )
