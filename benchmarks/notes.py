"""Why a target is missed, by the name of its row: the one part of the page that is written by
hand.
"""

WHY: dict[str, str] = {
    "confusion/making": (
        "an image takes 15 microseconds of one core, of which 5.6 go into Philox's random words and"
        " most of the rest into comparing them with some four bounds, until 307 of 3,072 are"
        " chosen; a cheaper draw would change the bits. The original's loop visits only the 307"
        " values that it zeroes. A confusion set is made once a run: 50,000 images take half a"
        " second."
    ),
    "pytorch/resnet18-16/jax": (
        "on a CPU, XLA computes convolutions and their gradients by routines of its own, which are"
        " slower than oneDNN's, which TensorFlow and PyTorch use. TensorFlow is the default for"
        " that reason."
    ),
    "pytorch/resnet10-8/jax": "as for the network above.",
    "growth/images/time": (
        "noise: the passes gave 0.41 and 1.31, and as many images as replicas, by the same code,"
        " 0.86. An image costs 0.23 to 0.34 milliseconds at every size, in seconds that other work"
        " on the machine reaches."
    ),
}
