from harness.models.alexnet import small_alexnet
from harness.models.shapes import Shapes


def test_stages_halve_the_image_and_round_up() -> None:
    model = small_alexnet(Shapes((28, 10, 3), 10), width=3, hidden=[])
    assert [model.get_layer(f"lrn{stage}").output.shape for stage in (1, 2)] == [
        (None, 14, 5, 3),
        (None, 7, 3, 3),
    ]
    assert model.get_layer("logits").kernel.shape == (7 * 3 * 3, 10)


def test_the_normalization_has_the_constants_of_the_original() -> None:
    layer = small_alexnet(Shapes((8, 8, 3), 10), width=3).get_layer("lrn1")
    assert (layer.radius, layer.bias, layer.alpha, layer.beta) == (4, 1.0, 0.001 / 9, 0.75)
