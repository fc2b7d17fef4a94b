import gc
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from harness import compile as compilation
from harness.compile import Compiled, WeightsError, compile_run
from harness.data import catalog
from harness.data.records import DataError
from harness.experiment import Component, Dataset, Settings, Training
from harness.training.fit import initial_state

SETTINGS = Settings(
    dataset=Dataset(Component("digits"), 30, 20, None, ()),
    model=Component("perceptron", {"hidden": [10, 10]}),
    initialization=Component("he_normal"),
    augmentation=(),
    training=Training(
        loss="cross_entropy",
        loss_reduction="mean",
        optimizer=Component("sgd", {"learning_rate": 0.1, "nesterov": False}),
        momentum=0.0,
        l2=0.0,
        schedule=Component("constant"),
        batch_size=10,
        last_batch="keep",
        epochs=1,
        stop_when=None,
        measure_every=1,
    ),
)


def compiled(seed: int = 0, weights: Path | None = None, settings: Settings = SETTINGS) -> Compiled:
    return compile_run(settings, seed, weights, catalog.data_dir())


def perceptron(*hidden: int) -> Settings:
    return replace(SETTINGS, model=Component("perceptron", {"hidden": list(hidden)}))


def test_settings_become_a_model_and_a_pipeline() -> None:
    run = compiled()
    assert [array.shape for array in run.model.get_weights()] == [
        (64, 10),
        (10,),
        (10, 10),
        (10,),
        (10, 10),
        (10,),
    ]
    assert (len(run.pipeline.train), len(run.pipeline.test)) == (30, 20)
    assert run.pipeline.train.inputs.shape[1:] == run.model.input_shape[1:] == (8, 8, 1)
    assert run.pipeline.seed == 0


def test_binary_cross_entropy_wants_one_output() -> None:
    training = replace(SETTINGS.training, loss="binary_cross_entropy")
    points = {"train_per_class": 3, "test_per_class": 2, "shift": 0.65, "data_seed": 0}
    settings = replace(
        SETTINGS,
        training=training,
        dataset=Dataset(Component("blobs", points), None, None, None, ()),
    )
    assert compiled(settings=settings).model.output_shape == (None, 1)


def test_equal_seeds_draw_equal_weights_and_others_differ() -> None:
    first, again, other = (compiled(seed).model.get_weights() for seed in (3, 3, 4))
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    kernels = [(one, two) for one, two in zip(first, other, strict=True) if one.ndim == 2]
    assert len(kernels) == 3
    assert not any(np.any(one == two) for one, two in kernels)


def test_weights_are_taken_from_a_file_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    source = compiled(1).model
    source.save_weights(path)
    taken = compiled(2, path).model
    assert all(
        np.array_equal(a, b) for a, b in zip(source.get_weights(), taken.get_weights(), strict=True)
    )


def test_of_a_state_with_averages_these_are_kept(tmp_path: Path) -> None:
    path, run = tmp_path / "a.weights.h5", compiled(1)
    plain = initial_state(run.model, SETTINGS.training)
    averages = tuple(array + 1 for array in plain.trainable)
    for state, expected in (
        (plain, plain.trainable),
        (replace(plain, average=averages), averages),
    ):
        run.save_state(state, path)
        for taken, array in zip(compiled(2, path).model.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(taken, array)


@pytest.mark.parametrize(
    ("hidden", "misfit"),
    [
        (
            (16, 10),
            (
                "only the file has arrays of 10, 10x10, 64x10; only the network has arrays of 16,"
                " 16x10, 64x16"
            ),
        ),
        ((10,), "only the file has arrays of 10, 10x10; only the network has nothing"),
        ((10, 10, 10), "only the file has nothing; only the network has arrays of 10, 10x10"),
    ],
    ids=["wider", "shallower", "deeper"],
)
def test_weights_of_another_network_are_refused(
    hidden: tuple[int, ...], misfit: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.weights.h5"
    compiled().model.save_weights(path)
    with pytest.raises(WeightsError) as caught:
        compiled(0, path, perceptron(*hidden))
    assert str(caught.value) == f"the weights {path} do not fit the network: {misfit}"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def scrambled(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[300:900] = b"\xff" * 600
    path.write_bytes(content)


def text(path: Path) -> None:
    path.write_text("these are no weights")


def absent(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [truncated, scrambled, text, absent])
def test_a_damaged_file_is_named(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    compiled().model.save_weights(path)
    damage(path)
    with pytest.raises(WeightsError, match=f"the weights {path} cannot be read: ."):
        compiled(0, path)


def test_arrays_of_the_right_shapes_in_the_wrong_places_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    with h5py.File(path, "w") as file:
        for place, array in enumerate(compiled().model.get_weights()):
            file[f"elsewhere/{place}"] = array
    with warnings.catch_warnings(), pytest.raises(WeightsError, match=f"the weights {path}"):
        warnings.simplefilter(
            "ignore", UserWarning
        )  # Keras tells of each part that it does not find
        compiled(0, path)


def test_missing_data_are_the_data_s_own_error(tmp_path: Path) -> None:
    dataset = replace(
        SETTINGS.dataset, source=Component("image_folder", {"path": str(tmp_path / "none")})
    )
    with pytest.raises(DataError, match="does not exist"):
        compiled(settings=replace(SETTINGS, dataset=dataset))


def dropping(rate: float) -> Settings:
    return replace(SETTINGS, training=replace(SETTINGS.training, dropout=rate))


def test_dropout_changes_no_weight_and_its_seed_is_the_run_s() -> None:
    plain, *dropped = (
        compiled(seed, settings=dropping(rate)).model
        for seed, rate in ((1, 0.0), (1, 0.5), (1, 0.5))
    )
    for model in dropped:
        assert all(
            np.array_equal(a, b)
            for a, b in zip(plain.get_weights(), model.get_weights(), strict=True)
        )
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 1)).astype(np.float32)
    first, again = (model(x, training=True).numpy() for model in dropped)
    np.testing.assert_array_equal(first, again)
    other = compiled(2, settings=dropping(0.5)).model
    other.set_weights(plain.get_weights())
    assert np.any(first != other(x, training=True).numpy())
    assert np.any(first != plain(x, training=True).numpy())
    np.testing.assert_array_equal(
        dropped[0](x, training=False).numpy(), plain(x, training=False).numpy()
    )


@pytest.mark.parametrize("rates", [(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_weights_pass_between_networks_with_dropout_and_without(
    rates: tuple[float, float], tmp_path: Path
) -> None:
    path = tmp_path / "a.weights.h5"
    source = compiled(1, settings=dropping(rates[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        source.save_weights(path)
        taken = compiled(2, path, dropping(rates[1])).model
    assert all(
        np.array_equal(a, b)
        for a, b in zip(source.model.get_weights(), taken.get_weights(), strict=True)
    )


def test_weights_that_keras_saved_with_dropout_are_taken_too(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    source = compiled(1, settings=dropping(0.5)).model
    source.save_weights(path)
    taken = compiled(2, path, dropping(0.5)).model
    assert all(
        np.array_equal(a, b) for a, b in zip(source.get_weights(), taken.get_weights(), strict=True)
    )


def fitted(*hidden: int, optimizer: str = "adam") -> keras.Sequential:
    """Train a network of plain Keras, of the shapes of a perceptron here, for a step."""
    dense = [keras.layers.Dense(units, activation="relu") for units in hidden]
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Flatten(),
            *dense,
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    draw = np.random.default_rng(0)
    model.fit(draw.random((20, 8, 8, 1)), draw.integers(0, 10, 20), batch_size=20, verbose=0)
    return model


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_weights_that_plain_keras_saved_after_fit_are_taken_without_their_optimizer(
    optimizer: str, tmp_path: Path
) -> None:
    path, source = tmp_path / "a.weights.h5", fitted(10, 10, optimizer=optimizer)
    source.save_weights(path)
    with h5py.File(path) as file:
        assert len(file["optimizer"]["vars"]) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        taken = compiled(2, path).model
    assert all(
        np.array_equal(a, b) for a, b in zip(source.get_weights(), taken.get_weights(), strict=True)
    )


def test_weights_of_a_checkpoint_of_plain_keras_are_taken(tmp_path: Path) -> None:
    path, source = tmp_path / "a.weights.h5", fitted(10, 10)
    keep = keras.callbacks.ModelCheckpoint(str(path), save_weights_only=True)
    source.fit(np.ones((20, 8, 8, 1)), np.zeros(20), verbose=0, callbacks=[keep])
    taken = compiled(2, path).model
    assert all(
        np.array_equal(a, b) for a, b in zip(source.get_weights(), taken.get_weights(), strict=True)
    )


def test_an_optimizer_s_state_hides_no_misfit(tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    fitted(10).save_weights(path)  # Adam's moments have the shapes of the weights
    with pytest.raises(
        WeightsError, match="only the file has nothing; only the network has arrays of 10, 10x10"
    ):
        compiled(0, path)


def test_in_mixed_precision_layers_compute_in_bfloat16_and_weights_stay_float32() -> None:
    model = compiled(
        settings=replace(SETTINGS, training=replace(SETTINGS.training, precision="mixed_bfloat16"))
    ).model
    assert {layer.compute_dtype for layer in model.layers} == {"bfloat16"}
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert {layer.compute_dtype for layer in compiled().model.layers} == {"float32"}


def test_models_of_ended_runs_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    one = 4 * (64 * 10 + 10 + 10 * 10 + 10 + 10 * 10 + 10)  # bytes of weights
    monkeypatch.setattr(compilation, "MOST_GARBAGE", one)
    monkeypatch.setattr(compilation, "_BUILT", compilation._Built())
    gc.disable()
    try:
        models = [weakref.ref(compiled(seed).model) for seed in range(6)]
        # Two are more than one may be: they are collected before the third is built, and two more
        # before the fifth.
        assert [model() is not None for model in models] == [False, False, False, False, True, True]
    finally:
        gc.enable()
