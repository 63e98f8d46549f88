from __future__ import annotations

import pytest

from demand_forecast.modelling.lifecycle import recipe
from demand_forecast.modelling.lifecycle.recipe import parameters_digest
from demand_forecast.modelling.lifecycle.training import TrainingParameters

CODE = '''"""What it is for."""

def double(x):
    """Twice."""
    return 2 * x  # as always
'''


def _code(tmp_path, text: str) -> str:
    path = tmp_path / "module.py"
    path.write_text(text)
    return recipe._code(path)


@pytest.mark.parametrize("same", [CODE.replace("Twice", "Thrice"), CODE.partition("#")[0] + "\n"])
def test_words_about_code_do_not_change_its_digest(tmp_path, same) -> None:
    assert _code(tmp_path, CODE) == _code(tmp_path, same)


@pytest.mark.parametrize(("old", "new"), [("2 * x", "3 * x"), ("x):", "x=1):")])
def test_a_change_of_the_code_changes_its_digest(tmp_path, old, new) -> None:
    assert _code(tmp_path, CODE) != _code(tmp_path, CODE.replace(old, new))


def test_parameters_have_a_digest_by_value() -> None:
    quick = TrainingParameters(network={"seeds": 1, "weight_decay": 0.5})
    again = TrainingParameters(network={"weight_decay": 0.5, "seeds": 1})
    assert parameters_digest(quick) == parameters_digest(again)
    assert parameters_digest(quick) != parameters_digest(TrainingParameters())


@pytest.mark.trials
def test_the_code_has_one_digest_however_often_it_is_asked_for() -> None:
    recipe.code_digest.cache_clear()
    first = recipe.code_digest()
    recipe.code_digest.cache_clear()
    assert recipe.code_digest() == first
    assert len(first) == 64
