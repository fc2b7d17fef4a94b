"""Why a target is missed, by the name of its row: the one part of the page that is written by
hand.
"""

WHY: dict[str, str] = {
    "confusion/making": (
        "an image takes 9 to 10 microseconds of one core, of which 4 to 5 go into Philox's random"
        " words; a cheaper draw would change the bits. Two threads share the images, which the"
        " original's loop cannot: beside other work on the machine they gain little, and the ratio"
        " falls. The original's loop visits only the 307 values that it zeroes. A confusion set is"
        " made once a run: 50,000 images take half a second."
    ),
    "pytorch/resnet18-16/jax": (
        "on a CPU, XLA computes convolutions and their gradients by routines of its own, which are"
        " slower than oneDNN's, which TensorFlow and PyTorch use. TensorFlow is the default for"
        " that reason."
    ),
    "pytorch/resnet10-8/jax": "as for the network above.",
}
