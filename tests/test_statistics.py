"""Intervals, against printed tables and closed forms."""

import math
import statistics

import pytest

from archkit.statistics import student_t, wilson, within_t

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
