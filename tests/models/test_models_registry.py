import inspect
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest

from harness.experiment import Component
from harness.models.registry import MODELS, build
from harness.spec import schema


def parameters(name: str, **changed: Any) -> dict[str, Any]:
    """All parameters of a network as a specification gives them: the schema's defaults filled
    in.
    """
    filled = schema.fill_defaults(schema.definition("model"), {"name": name, **changed})
    return {key: value for key, value in filled.items() if key != "name"}


@pytest.mark.parametrize("name", MODELS)
def test_defaults_are_the_schemas(name: str) -> None:
    defaults = {
        key: list(each.default) if isinstance(each.default, tuple) else each.default
        for key, each in inspect.signature(MODELS[name].load()).parameters.items()
        if each.default is not inspect.Parameter.empty and key != "dropout"
    }
    assert defaults.items() <= parameters(name).items()


def counts(model: keras.Model) -> tuple[int, int]:
    trainable, statistics = (
        sum(int(np.prod(weight.shape)) for weight in weights)
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
    return trainable, statistics


PUBLISHED: list[tuple[str, Mapping[str, Any], int, tuple[int, int | None]]] = [
    # network, its parameters that are not defaults, side of the images, (trainable parameters,
    # statistics or unknown)
    ("vgg", {}, 32, (14_728_266, 8_448)),
    ("resnet", {}, 32, (11_173_962, 9_600)),
    ("resnet", {"blocks": [3, 4, 6, 3], "block": "bottleneck"}, 32, (23_520_842, 53_120)),
    ("densenet", {}, 32, (176_122, 5_088)),
    ("wide_resnet", {}, 32, (369_498, None)),
    ("small_inception", {}, 28, (1_649_402, None)),
    ("small_inception", {"batch_norm": False}, 28, (1_649_402, 0)),
    ("small_alexnet", {}, 28, (1_387_786, 0)),
    ("perceptron", {"hidden": [512]}, 28, (1_209_866, 0)),
    ("perceptron", {"hidden": [512], "bias": False}, 32, (1_577_984, 0)),
    ("perceptron", {"hidden": [512, 512, 512]}, 28, (1_735_178, 0)),
]


@pytest.mark.parametrize(("name", "changed", "side", "published"), PUBLISHED)
def test_networks_have_the_published_sizes(
    name: str, changed: Mapping[str, Any], side: int, published: tuple[int, int | None]
) -> None:
    trainable, statistics = counts(
        build(Component(name, parameters(name, **changed)), (side, side, 3), 10)
    )
    assert trainable == published[0]
    assert published[1] in (statistics, None)


@pytest.mark.parametrize(
    ("component", "shape", "expected"),
    [
        (Component("perceptron", {"hidden": [100, 100]}), (2,), 300 + 10_100 + 101),
        (Component("perceptron", {"hidden": []}), (3, 2, 1), 7),
        (
            Component("convnet", {"width": 4}),
            (8, 8, 1),
            40 + 4 * 9 * 8 + 8 + 8 * 9 * 8 + 8 + 2 * 2 * 8 + 1,
        ),
    ],
)
def test_small_networks_count_and_give_logits(
    component: Component, shape: tuple[int, ...], expected: int
) -> None:
    model = build(component, shape, 1)
    assert counts(model) == (expected, 0)
    assert model.output_shape == (None, 1)


SMALL: dict[str, Mapping[str, Any]] = {
    "perceptron": {"hidden": [5, 4]},
    "convnet": {"width": 2},
    "vgg": {"convolutions": [1, 1], "width": 2},
    "resnet": {"blocks": [1, 1], "width": 2},
    "wide_resnet": {"depth": 10, "width": 2},
    "densenet": {"layers": [1, 1], "growth": 2},
    "small_inception": {"width_multiplier": 0.02},
    "small_alexnet": {"width": 3, "hidden": [5, 4]},
}


def small(name: str, dropout: float = 0.0) -> keras.Model:
    return build(Component(name, parameters(name, **SMALL[name])), (8, 8, 3), 2, dropout)


@pytest.mark.parametrize("name", MODELS)
def test_two_builds_have_equal_names(name: str) -> None:
    assert small(name).to_json() == small(name).to_json()


@pytest.mark.parametrize("name", MODELS)
def test_the_last_layer_is_linear(name: str) -> None:
    model = small(name)
    assert model.layers[-1].name == "logits"
    assert model.layers[-1].activation is keras.activations.linear


def normalized(name: str) -> list[str]:
    return [
        f"{name}_norm/{weight}" for weight in ("gamma", "beta", "moving_mean", "moving_variance")
    ]


WEIGHTS = {
    # Finished runs keep weights under these names in this order, and draw initial weights by place.
    "perceptron": ["hidden1/kernel", "hidden1/bias", "hidden2/kernel", "hidden2/bias"],
    "convnet": [f"conv{number}/{weight}" for number in (1, 2, 3) for weight in ("kernel", "bias")],
    "resnet": [
        *("stem_conv/kernel", *normalized("stem")),
        *("stage1_block1_1_conv/kernel", *normalized("stage1_block1_1")),
        *("stage1_block1_2_conv/kernel", *normalized("stage1_block1_2")),
        *("stage2_block1_1_conv/kernel", *normalized("stage2_block1_1")),
        *("stage2_block1_2_conv/kernel", "stage2_block1_shortcut_conv/kernel"),
        *(*normalized("stage2_block1_2"), *normalized("stage2_block1_shortcut")),
    ],
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_keep_their_names_and_places(name: str) -> None:
    assert [weight.path for weight in small(name).weights] == [
        *WEIGHTS[name],
        "logits/kernel",
        "logits/bias",
    ]


DROPOUTS = {
    # what dropout follows and what it precedes, for every network that has a place for it
    "perceptron": [("hidden1", "hidden2"), ("hidden2", "logits")],
    "convnet": [("flatten", "logits")],
    "vgg": [("pool", "logits")],
    "wide_resnet": [
        (f"stage{stage}_block1_2_relu", f"stage{stage}_block1_2_conv") for stage in (1, 2, 3)
    ],
    "densenet": [
        ("block1_layer1_bottleneck_conv", "block1_layer1_norm"),
        ("block1_layer1_conv", "block1_layer1_concat"),
        ("transition1_conv", "transition1_pool"),
        ("block2_layer1_bottleneck_conv", "block2_layer1_norm"),
        ("block2_layer1_conv", "block2_layer1_concat"),
    ],
    "small_inception": [("pool", "logits")],
    "small_alexnet": [("hidden1", "hidden2"), ("hidden2", "logits")],
}


def dropouts(model: keras.Model) -> list[tuple[str, str]]:
    def sources(layer: keras.Layer) -> list[str]:
        tensors = (
            [] if isinstance(layer, keras.layers.InputLayer) else keras.tree.flatten(layer.input)
        )
        return [tensor._keras_history.operation.name for tensor in tensors]

    return [
        (*sources(layer), *(after.name for after in model.layers if layer.name in sources(after)))
        for layer in model.layers
        if isinstance(layer, keras.layers.Dropout)
    ]


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropout_has_its_places_and_acts_in_training_only(name: str) -> None:
    plain, dropping = small(name), small(name, 0.4)
    assert dropouts(plain) == []
    assert dropouts(dropping) == DROPOUTS[name]
    assert {layer.rate for layer in dropping.layers if isinstance(layer, keras.layers.Dropout)} == {
        0.4
    }
    dropping.set_weights(plain.get_weights())
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        dropping(x, training=False).numpy(), plain(x, training=False).numpy()
    )
    assert not np.allclose(dropping(x, training=True).numpy(), plain(x, training=True).numpy())


def test_networks_without_a_place_refuse_dropout() -> None:
    for name in set(MODELS) - set(DROPOUTS):
        with pytest.raises(TypeError, match="dropout"):
            small(name, 0.1)


@pytest.mark.parametrize("name", MODELS)
def test_every_network_computes_in_bfloat16_with_float32_weights(name: str) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small(name)
    finally:
        keras.config.set_dtype_policy(before)
    logits = model(np.ones((2, 8, 8, 3), np.float32), training=True)
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    assert {weight.dtype for weight in model.weights} == {"float32"}


def test_unknown_names_and_parameters() -> None:
    with pytest.raises(KeyError):
        build(Component("perceptrons"), (2,), 1)
    with pytest.raises(TypeError):
        build(Component("perceptron", {"width": 3}), (2,), 1)
