"""Sweeps draw the same points for the same seed, and none is beyond their reach."""

from __future__ import annotations

from tests.support.sampling import Sweep

POINTS = range(1, 41)


def test_a_seed_draws_the_same_points_again_and_another_seed_others() -> None:
    first = Sweep(7, "a test").choose(POINTS, 5)
    assert first == Sweep(7, "a test").choose(POINTS, 5)
    assert first != Sweep(8, "a test").choose(POINTS, 5)
    assert first != Sweep(7, "another").choose(POINTS, 5)
    assert Sweep(7, "a test").chance.random() == Sweep(7, "a test").chance.random()


def test_what_counts_always_is_tried_besides_the_drawn_ones_in_order() -> None:
    chosen = Sweep(7, "a test").choose(POINTS, 5, always=(1, 40))
    assert len(chosen) == 7
    assert chosen == sorted(chosen)
    assert {1, 40} <= set(chosen)


def test_one_moment_is_drawn_of_each_part() -> None:
    moments = Sweep(7, "a test").moments(10.0, few=5, all_of_them=50)
    assert [int(moment // 2) for moment in moments] == [0, 1, 2, 3, 4]
    assert len(Sweep(7, "a test", thorough=True).moments(10.0, few=5, all_of_them=50)) == 50


def test_every_point_is_drawn_by_some_seed() -> None:
    drawn = {point for seed in range(100) for point in Sweep(seed, "a test").choose(POINTS, 5)}
    assert drawn == set(POINTS)


def test_a_thorough_run_leaves_no_point_out() -> None:
    sweep = Sweep(7, "a test", thorough=True)
    assert sweep.choose(POINTS, 5) == list(POINTS)
    assert sweep.times(5, 100) == 100


def test_fewer_points_than_are_to_be_drawn_are_all_tried() -> None:
    assert Sweep(7, "a test").choose([1, 2], 5) == [1, 2]
    assert Sweep(7, "a test").times(5, 100) == 5
