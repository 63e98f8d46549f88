"""The kernel learns what slopes cannot, product-week by product-week, without its own fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from demand_forecast.modelling.features.feature import Derivation, Feature
from demand_forecast.modelling.features.plans.kernel import (
    PlanKernel,
    ProductPlans,
    fit_plan_kernel,
)
from demand_forecast.modelling.features.plans.plan import Plan

WEEKS, STORES, PRODUCTS = 200, 6, 4
CODE = np.tile(np.arange(PRODUCTS), STORES)
FOLD = np.repeat(np.arange(5), WEEKS // 5)


def _flag(name: str) -> Feature:
    return Plan(name, "flag").feature(Derivation.VALUE)


def planned(seed: int = 0) -> tuple[ProductPlans, np.ndarray]:
    """Two flags whose effect is their exclusive or: no slope can show it."""
    random = np.random.default_rng(seed)
    a, b = (random.random((WEEKS, PRODUCTS)) < 0.5 for _ in range(2))
    columns = {_flag("a"): a.astype(np.float32)[:, CODE], _flag("b"): b.astype(np.float32)[:, CODE]}
    return ProductPlans.of(columns, CODE, WEEKS), (a ^ b).astype(np.float32)


def test_a_combination_of_plans_is_learned() -> None:
    plans, effect = planned()
    noise = np.random.default_rng(1).normal(0, 0.2, (WEEKS, len(CODE)))
    kernel = fit_plan_kernel([((effect[:, CODE] - 0.5 + noise).astype(np.float32), plans)], FOLD, 5)
    new_plans, new_effect = planned(seed=2)
    said = kernel(new_plans, np.full(WEEKS, 5))
    assert np.corrcoef(said.ravel(), new_effect.ravel())[0, 1] > 0.95
    np.testing.assert_allclose(said, new_effect - 0.5, atol=0.25)


def test_a_fold_does_not_see_its_own_weeks() -> None:
    plans, effect = planned()
    clean = (effect[:, CODE] - 0.5).astype(np.float32)
    spoiled = clean.copy()
    spoiled[FOLD == 2] = 9
    kernels = [fit_plan_kernel([(rest, plans)], FOLD, 5) for rest in (clean, spoiled)]
    own, other = ([k(plans, FOLD)[f == FOLD] for k in kernels] for f in (2, 3))
    np.testing.assert_allclose(own[0], own[1], atol=1e-5)
    assert np.abs(other[0] - other[1]).max() > 1


def test_unknown_products_borrow_from_the_others() -> None:
    plans, effect = planned()
    kernel = fit_plan_kernel([((effect[:, CODE] - 0.5).astype(np.float32), plans)], FOLD, 5)
    unknown = replace(plans, code=np.full(PRODUCTS, 99))
    assert np.corrcoef(kernel(unknown, FOLD).ravel(), effect.ravel())[0, 1] > 0.9


def test_product_plans_are_means_over_stores() -> None:
    code = np.array([3, 1, 3])
    plans = ProductPlans.of({_flag("deal"): np.array([[1.0, 0.5, 0.0]])}, code, 1)
    np.testing.assert_allclose(plans.values[..., 0], [[0.5, 0.5]])
    np.testing.assert_array_equal(plans.code[plans.index], code)


def test_without_plans_there_is_nothing_to_say() -> None:
    nothing = ProductPlans.of({}, CODE, WEEKS)
    rest = np.ones((WEEKS, len(CODE)), dtype=np.float32)
    kernel = fit_plan_kernel([(rest, nothing)], FOLD, 5)
    assert not kernel(nothing, FOLD).any()
    assert not PlanKernel.empty()(nothing, FOLD).any()
