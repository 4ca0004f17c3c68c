import random
from collections import defaultdict
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from callwright.generators.looptool.bands import band_of
from callwright.schemas.loop import Probing

ORDER = ("frontier", "learnable", "mastered")
K16 = Probing(samples=16)


def told(settings, answers):
    """(band, answers used) for a sequence of right and wrong answers."""
    for count in range(1, settings.samples + 1):
        band = band_of(settings, sum(answers[:count]), count)
        if band:
            return band, count
    raise AssertionError("the budget is used up, and there is no band")


def exactly(settings, rate):
    """(chance of each band, mean number of answers) at a true rate, over all sequences of answers."""
    chance, cost = defaultdict(float), 0.0
    under_way = {0: 1.0}
    for count in range(1, settings.samples + 1):
        following = defaultdict(float)
        for right, weight in under_way.items():
            following[right + 1] += weight * rate
            following[right] += weight * (1 - rate)
        under_way = {}
        for right, weight in following.items():
            band = band_of(settings, right, count)
            if band:
                chance[band] += weight
                cost += weight * count
            else:
                under_way[right] = weight
    return chance, cost


def by_rate(settings, rate):
    return (
        "mastered" if rate >= settings.mastered else "frontier" if rate <= settings.frontier else "learnable"
    )


def error(settings, rate):
    return 1.0 - exactly(settings, rate)[0][by_rate(settings, rate)]


def fixed_error(rate, samples=16):
    """The same with all answers asked for."""
    settings, wrong = Probing(samples=samples), 0.0
    for answers in range(samples + 1):
        weight = _binomial(samples, answers, rate)
        wrong += weight * (by_rate(settings, answers / samples) != by_rate(settings, rate))
    return wrong


def _binomial(n, k, p):
    return comb(n, k) * p**k * (1 - p) ** (n - k)


def test_16_answers_tell_the_band_outside_the_margins_that_are_documented():
    clear = [one / 100 for one in (*range(10), *range(44, 57), *range(91, 101))]
    assert max(error(K16, rate) for rate in clear) <= 0.05
    # And not beyond them: who reads the documentation is not promised too little.
    assert min(error(K16, rate) for rate in (0.10, 0.43, 0.57, 0.90)) > 0.045


def test_stopping_early_costs_little_of_what_16_answers_tell():
    for rate in (one / 100 for one in range(101)):
        assert error(K16, rate) <= fixed_error(rate) + 0.025


def test_fewer_answers_than_16_are_asked_for_at_any_rate():
    cost = {rate: exactly(K16, rate)[1] for rate in (one / 100 for one in range(101))}
    assert cost[0.0] == cost[1.0] == 7
    assert 12.2 < max(cost.values()) < 12.4
    assert sum(cost.values()) / len(cost) < 11.5


def test_a_budget_of_8_tells_never_from_always():
    k8 = Probing(samples=8)
    assert max(error(k8, rate) for rate in (0.0, 0.05, 0.95, 1.0)) < 0.06
    assert error(k8, 0.5) < 0.08
    assert error(k8, 0.9) > 0.15


SETTINGS = st.builds(
    lambda samples, cuts: Probing(samples=samples, frontier=min(cuts), mastered=max(cuts)),
    st.integers(1, 64),
    st.lists(st.integers(0, 20).map(lambda one: one / 20), min_size=2, max_size=2, unique=True),
)


def ends_of_pairs(settings):
    """(band, band) of all pairs of students of which the second is right wherever the first one is."""
    under_way = {(0, 0)}  # right answers, or the band where one has ended
    for count in range(1, settings.samples + 1):

        def after(state, right, count=count):
            if isinstance(state, str):
                return state
            return band_of(settings, state + right, count) or state + right

        under_way = {
            (after(worse, one), after(better, other))
            for worse, better in under_way
            for one, other in ((False, False), (False, True), (True, True))
        }
    return under_way


@pytest.mark.parametrize("samples", [1, 2, 4, 8, 16, 40, 64])
@pytest.mark.parametrize("cuts", [(0.2, 0.8), (0.0, 1.0), (0.4, 0.5)])
def test_who_is_right_wherever_another_is_never_gets_a_harder_band(samples, cuts):
    ends = ends_of_pairs(Probing(samples=samples, frontier=cuts[0], mastered=cuts[1]))
    assert all(ORDER.index(worse) <= ORDER.index(better) for worse, better in ends)
    assert ("frontier", "mastered") in ends


@given(SETTINGS, st.randoms(use_true_random=False))
def test_what_ends_early_in_the_middle_could_not_have_ended_otherwise(settings, rng):
    answers = [rng.random() < 0.5 for _ in range(settings.samples)]
    band, used = told(settings, answers)
    if band == "learnable":
        again = answers[:used] + [rng.random() < 0.5 for _ in range(settings.samples - used)]
        assert by_rate(settings, sum(again) / settings.samples) == "learnable"


def test_without_a_budget_there_is_no_band():
    assert band_of(Probing(samples=0), 0, 0) is None


def test_cuts_that_cross_are_refused():
    with pytest.raises(ValidationError, match=r"frontier \(0.8\) has to lie below mastered \(0.2\)"):
        Probing(frontier=0.8, mastered=0.2)


def test_the_draws_agree_with_the_exact_chances():
    rng, rate = random.Random(5), 0.7
    drawn = [told(K16, [rng.random() < rate for _ in range(16)]) for _ in range(2_000)]
    chance, cost = exactly(K16, rate)
    assert sum(band == "learnable" for band, _ in drawn) / 2_000 == pytest.approx(
        chance["learnable"], abs=0.04
    )
    assert sum(used for _, used in drawn) / 2_000 == pytest.approx(cost, abs=0.25)
