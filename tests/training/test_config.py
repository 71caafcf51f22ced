"""What a training configuration may say."""

import pytest

from tests.training.conftest import small
from training.config import ModelConfig, config_doc, in_frames, read_config
from training.errors import ConfigError


def test_reads_a_file_with_defaults_for_the_rest(tmp_path):
    path = tmp_path / "smoke.toml"
    path.write_text('set = "tiny"\nsteps = 300\n[use]\naction = "train"\n[model]\nwidth = 32\n')

    config = read_config(path)

    assert (config.set, config.steps, config.batch) == ("tiny", 300, 8)
    assert config.model == ModelConfig(width=32)
    assert config.use == {"action": "train"}


def test_a_document_comes_back_as_it_was_read():
    config = small(weights={"acorn": 2.0})

    assert read_config(config_doc(config)) == config


@pytest.mark.parametrize(
    ("change", "subject", "way_out"),
    [
        ({"stepz": 3}, "stepz", "did you mean steps"),
        ({"model": {"widht": 3}}, "model.widht", "did you mean model.width"),
        ({"zzz": 3}, "zzz", "known: set, use"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest(change, subject, way_out):
    with pytest.raises(ConfigError, match="is not a key") as caught:
        small(**change)

    assert (caught.value.code, caught.value.subject) == ("CONFIG_UNKNOWN_KEY", subject)
    assert way_out in caught.value.way_out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": "many"}, "steps = 'many', expected int"),
        ({"steps": True}, "steps = True, expected int"),
        ({"model": 3}, "model = 3, expected a table"),
        ({"batch": 0}, "batch = 0, expected at least 1"),
        ({"context": 12}, "fewer frames than window"),
        ({"tokenizer_steps": 12}, "expected fewer than 12"),
        ({"workers": 5}, "a window for each of 5 workers"),
        ({"model": {"heads": 3}}, "an even share of the width"),
        ({"weights": {"acorn": -1.0}}, "shares of zero or more"),
        ({"window_seconds": -1}, "expected zero or more"),
        ({"prefetch_bytes": 0}, "expected at least 1"),
        ({"latent_bytes": -1}, "expected zero or more"),
        ({"hash_at_start": -1}, "expected zero or more"),
        ({"decode_on": "cuda"}, "expected cpu or device = cpu"),
        ({"rank_timeout_s": 0}, "expected at least 1"),
        ({"lookback": {"video": 1.0}}, "seconds of action and state"),
        ({"lookback": {"state": -1.0}}, "seconds of action and state"),
    ],
)
def test_a_senseless_value_is_refused(change, message):
    with pytest.raises(ConfigError, match=message) as caught:
        small(**change)

    assert caught.value.code == "CONFIG_INVALID"


def test_windows_by_time_are_frames_at_the_rate_of_the_set():
    timed = small(window_seconds=1.5, stride_seconds=0.25, context=12)

    assert (in_frames(timed, 10).window, in_frames(timed, 10).stride) == (15, 2)
    assert (in_frames(timed, 30).window, in_frames(timed, 30).stride) == (45, 8)
    assert in_frames(in_frames(timed, 30), 30) == in_frames(timed, 30)
    assert in_frames(small(), 30) == small()
    with pytest.raises(ConfigError, match="fewer frames than window = 6"):
        in_frames(timed, 4)


def test_a_set_and_a_use_must_be_named():
    with pytest.raises(ConfigError, match="no default"):
        read_config({"set": "tiny"})


def test_a_file_that_is_not_toml_is_refused(tmp_path):
    path = tmp_path / "smoke.toml"
    path.write_text("steps = = 3")

    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(path)
