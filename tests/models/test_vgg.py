from harness.models.shapes import Shapes
from harness.models.vgg import vgg


def channels(width: int, stages: int) -> list[int]:
    model = vgg(Shapes((256, 256, 1), 2), convolutions=[1] * stages, width=width)
    return [model.get_layer(f"stage{stage}_1_conv").filters for stage in range(1, stages + 1)]


def test_channels_double_until_eight_times_the_width() -> None:
    assert channels(3, 6) == [3, 6, 12, 24, 24, 24]


def test_what_is_left_of_the_image_is_averaged() -> None:
    model = vgg(Shapes((12, 8, 1), 2), convolutions=[1, 1], width=2)
    assert model.get_layer("stage2_pool").output.shape == (None, 3, 2, 4)
    assert model.get_layer("pool").output.shape == (None, 4)
