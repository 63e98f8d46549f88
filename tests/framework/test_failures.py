from __future__ import annotations

import pickle

from demand_forecast.exceptions import SourceError
from demand_forecast.framework.failures import Place, mark, own_error, place_of


def test_an_error_is_marked_once_and_keeps_it_when_pickled():
    error = SourceError("x is empty")
    mark(error, Place("condition", "raw", "loading"))
    mark(error, Place("other"))
    copied = pickle.loads(pickle.dumps(error))
    assert str(place_of(copied)) == "node 'condition', loading 'raw'"
    assert copied.__notes__ == ["in node 'condition', loading 'raw'"]


def test_the_own_error_is_found_among_the_causes():
    own = SourceError("x")
    outer, middle = ValueError("outer"), KeyError("middle")
    outer.__cause__, middle.__cause__ = middle, own
    assert own_error(outer) is own
    assert own_error(own) is own
    assert own_error(ValueError("x")) is None
