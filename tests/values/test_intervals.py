import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.values.intervals import bootstrap, wilson

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCE = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99])


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_values_of_the_published_formula(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_without_trials_nothing_is_known():
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(3, 2), (-1, 5), (0, -1)])
def test_what_is_no_rate_is_refused(successes, trials):
    with pytest.raises(ValueError, match="is no rate"):
        wilson(successes, trials)


@given(COUNTS, CONFIDENCE)
def test_the_interval_holds_the_rate_and_stays_within_0_and_1(counts, confidence):
    low, high = wilson(*counts, confidence)
    assert 0.0 <= low <= counts[0] / counts[1] <= high <= 1.0
    assert low < high


@given(COUNTS, CONFIDENCE)
def test_at_its_ends_the_rate_is_just_as_far_off_as_chance_allows(counts, confidence):
    successes, trials = counts
    z = {0.5: 0.67449, 0.8: 1.28155, 0.9: 1.64485, 0.95: 1.95996, 0.99: 2.57583}[confidence]
    for end in wilson(successes, trials, confidence):
        if 0.0 < end < 1.0:
            off = abs(successes / trials - end)
            assert off == pytest.approx(z * math.sqrt(end * (1 - end) / trials), rel=1e-4, abs=1e-9)


@given(COUNTS, CONFIDENCE)
def test_failures_mirror_successes(counts, confidence):
    low, high = wilson(*counts, confidence)
    mirrored = wilson(counts[1] - counts[0], counts[1], confidence)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(COUNTS)
def test_one_success_more_lifts_both_ends(counts):
    successes, trials = counts
    if successes < trials:
        less, more = wilson(successes, trials), wilson(successes + 1, trials)
        assert less[0] < more[0] and less[1] <= more[1]


@given(COUNTS)
def test_more_trials_narrow_it_and_more_confidence_widens_it(counts):
    def width(interval):
        return interval[1] - interval[0]

    successes, trials = counts
    assert width(wilson(4 * successes, 4 * trials)) < width(wilson(successes, trials))
    assert width(wilson(successes, trials, 0.8)) < width(wilson(successes, trials, 0.95))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_it_holds_the_true_rate_about_95_times_in_100(rate):
    trials = 40
    chance = [
        math.comb(trials, hit) * rate**hit * (1 - rate) ** (trials - hit)
        for hit in range(trials + 1)
        if wilson(hit, trials)[0] <= rate <= wilson(hit, trials)[1]
    ]
    assert 0.92 < sum(chance) < 0.98


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.integers(0, 5))
def test_a_bootstrap_stays_among_the_values_and_follows_its_seed(values, seed):
    low, high = bootstrap(values, seed)
    assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9
    assert (low, high) == bootstrap(values, seed)


def test_a_bootstrap_of_differences_sees_what_two_intervals_hide():
    rng = random.Random(1)
    hard = [rng.random() for _ in range(80)]
    better = [value + 0.05 + rng.uniform(-0.02, 0.02) for value in hard]
    apart = bootstrap(hard), bootstrap(better)
    assert apart[0][1] > apart[1][0]
    assert bootstrap([one - other for one, other in zip(better, hard, strict=True)])[0] > 0.04


def test_no_values_have_no_interval():
    with pytest.raises(ValueError, match="no values"):
        bootstrap([])
