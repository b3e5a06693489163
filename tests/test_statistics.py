"""Intervals, against printed tables and closed forms."""

import math
import statistics

import pytest

from archkit.statistics import at_least, clopper_pearson, student_t, wilson, within_t

# Two-sided 95% points, from any printed table of the t distribution.
T_TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 10: 2.228, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("df", "t"), T_TABLE.items())
def test_students_t_is_the_tables(df, t):
    assert student_t(df) == pytest.approx(t, abs=5e-4)


@pytest.mark.parametrize(("df", "level", "t"), [(1, 0.5, 1.0), (2, 0.5, math.sqrt(2 / 3)), (2, 0.99, 9.925)])
def test_students_t_at_other_levels(df, level, t):
    assert student_t(df, level) == pytest.approx(t, abs=5e-4)


def test_students_t_comes_to_the_normal_distribution():
    assert student_t(1_000_000) == pytest.approx(statistics.NormalDist().inv_cdf(0.975), abs=1e-5)


# scipy.stats 1.17.1: t.ppf((1 + level) / 2, df).
@pytest.mark.parametrize(
    ("df", "level", "t"),
    [
        (2.7, 0.95, 3.39214838317375),
        (4, 0.6, 0.94096457723518),
        (3.912, 0.95, 2.80125074662888),
        (57.25, 0.99, 2.66446924959129),
    ],
)
def test_students_t_with_degrees_that_are_no_whole_number(df, level, t):
    assert student_t(df, level) == pytest.approx(t, rel=1e-12)
    assert within_t(t, df) == pytest.approx(level, rel=1e-12)


@pytest.mark.parametrize("t", [0, 1e-3, 0.5, 1, 1.5, 40, 1e6])
def test_students_distribution_is_its_closed_form_for_one_and_two_degrees(t):
    assert within_t(t, 1) == pytest.approx(2 / math.pi * math.atan(t), rel=1e-12)
    assert within_t(t, 2) == pytest.approx(t / math.sqrt(2 + t * t), rel=1e-12)


@pytest.mark.parametrize(
    ("hits", "draws", "low", "high"),
    [
        # By hand: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), z = 1.96.
        (0, 10, 0.0, 0.27754),
        (5, 10, 0.23659, 0.76341),
        (90, 100, 0.82563, 0.94477),
    ],
)
def test_wilsons_interval_is_its_formula(hits, draws, low, high):
    assert wilson(hits, draws) == pytest.approx((low, high), abs=2e-5)


@pytest.mark.parametrize("z", [1.0, 1.96, 3.29])
def test_wilsons_ends_are_where_the_share_is_z_deviations_away(z):
    """What defines the interval: a true share p at its end has the seen one z standard deviations from it."""
    for p in wilson(30, 70, z):
        assert abs(30 / 70 - p) == pytest.approx(z * math.sqrt(p * (1 - p) / 70))


@pytest.mark.parametrize(
    ("hits", "draws", "low", "high"),
    [
        # R's binom.test; 682 of 925 is the example of its manual, from Conover (1971), page 97.
        (682, 925, 0.7076683, 0.7654066),
        (1, 10, 0.0025286, 0.4450161),
        (5, 10, 0.1870860, 0.8129140),
        # In closed form: where none is hit, 1 - 0.025^(1 / n).
        (0, 10, 0.0, 0.3084971),
        (29, 29, 0.025 ** (1 / 29), 1.0),
    ],
)
def test_clopper_and_pearsons_interval_is_as_published(hits, draws, low, high):
    assert clopper_pearson(hits, draws) == pytest.approx((low, high), abs=5e-8)


@pytest.mark.parametrize(
    ("draws", "level"), [(1, 0.95), (29, 0.95), (299, 0.95), (2995, 0.99), (10_000, 0.5)]
)
def test_a_share_that_was_hit_each_time_is_at_least_its_root(draws, level):
    assert at_least(draws, draws, level) == pytest.approx((1 - level) ** (1 / draws), abs=1e-9)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.62, 0.99])
@pytest.mark.parametrize("draws", [1, 7, 40])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_clopper_and_pearsons_interval_holds_the_share_as_often_as_it_says(share, draws, level):
    """The probability, summed over every outcome, that the interval holds the share; and each end alone."""

    def of(holds):
        return sum(
            math.comb(draws, hits) * share**hits * (1 - share) ** (draws - hits)
            for hits in range(draws + 1)
            if holds(hits)
        )

    assert (
        of(lambda hits: (lambda ends: ends[0] <= share <= ends[1])(clopper_pearson(hits, draws, level)))
        >= level
    )
    assert of(lambda hits: at_least(hits, draws, level) <= share) >= level
