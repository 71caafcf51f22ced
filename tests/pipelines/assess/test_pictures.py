"""Measures of pictures: shares and means over the pictures of one clip and no other."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.assess.pictures import picture_measures
from pipelines.look.reading import Seen
from pipelines.measures import FIGURES


def seen(**figures) -> Seen:
    """Pictures 0, 10, 20 … whose figures are 0 where nothing is said."""
    count = max(map(len, figures.values()))
    columns = {name: np.zeros(count, np.float32) for name in FIGURES}
    columns |= {name: np.array(values, np.float32) for name, values in figures.items()}
    return Seen(
        episode_id="e", stream="v", ts_ns=np.arange(count, dtype=np.int64) * 10, figures=columns
    )


def test_steps_into_a_clip_are_not_its_own():
    found = picture_measures(seen(step=[np.nan, 200, 0, 0.4, 8]), (10, 50))

    assert found["motion"] == pytest.approx(8.4 / 3)
    assert found["still"] == pytest.approx(2 / 3)
    assert found["frozen"] == pytest.approx(1 / 3)


def test_one_picture_stands_still():
    found = picture_measures(seen(step=[np.nan]), (0, 10))

    assert (found["motion"], found["still"], found["frozen"]) == (0, 1, 1)


def test_dark_and_bright_pictures_are_counted():
    found = picture_measures(seen(luma=[0, 23, 24, 255]), (0, 99))

    assert (found["black"], found["white"]) == (0.5, 0.25)
    assert found["exposure"] == pytest.approx(302 / 4 / 255)


def test_sharpness_and_clipping_are_means():
    found = picture_measures(seen(sharp=[10, 30], clipped=[0, 1]), (0, 99))

    assert (found["blur"], found["clipped"]) == (20, 0.5)


def test_bars_are_those_that_all_pictures_have():
    nan = float("nan")

    assert picture_measures(seen(bars=[0.5, 0.25, nan]), (0, 99))["letterbox"] == 0.25
    assert picture_measures(seen(bars=[nan, nan]), (0, 99))["letterbox"] is None


def test_blocks_are_the_mean_of_the_pictures_that_were_looked_at_closely():
    nan = float("nan")

    assert picture_measures(seen(blocky=[1.5, nan, 2.5]), (0, 99))["blockiness"] == 2
    assert picture_measures(seen(blocky=[nan]), (0, 99))["blockiness"] is None


def test_no_picture_gives_no_measures():
    assert picture_measures(seen(step=[np.nan]), (50, 90)) == {}
