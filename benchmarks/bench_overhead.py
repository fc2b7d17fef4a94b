"""The harness's training loop against bare Keras: what shuffling, input, state and records cost.

Same network, batches and optimizer. The bare side is the fastest, in a qualifying round, of Keras's
`fit` with many steps an execution, a `tf.function` that loops over a `tf.data` set and one that
holds all the data, each with and without XLA. The harness's side is the `train` that `harness run`
calls, without measurements, which bare Keras would not make either; what they cost is told under
"profile".
"""

from __future__ import annotations

import pytest

from benchmarks import harness_side, keras_side
from benchmarks.cases import CASES
from benchmarks.cases import quick as small
from benchmarks.conftest import Record, TakeTurns
from benchmarks.figures import Row, Target, paired, spread
from benchmarks.sides import fastest, sides

LEAST = {"resnet18": 0.97, "digits": 0.9, "toy": 0.9}

FOR_LARGE = [("fit", False), ("loop", False), ("loop", True)]
"""XLA compiles a large network for a minute, whichever loop calls it, and a loop of its steps for
many.
"""


@pytest.mark.parametrize("name", LEAST)
def bench_overhead(name: str, take_turns: TakeTurns, record: Record, quick: bool) -> None:
    if quick and name != "digits":
        pytest.skip("one network is enough to see that it runs")
    case = small(CASES[name]) if quick else CASES[name]
    with_xla = (False,) if quick else (False, True)
    bare = [
        (f"{way} with XLA" if compiled else way, keras_side.train, case, way, compiled)
        for way in keras_side.WAYS
        for compiled in with_xla
        if name != "resnet18" or (way, compiled) in FOR_LARGE
    ]
    with sides(("harness", harness_side.train, case), *bare) as (ours, *candidates):
        best = fastest(candidates)
        theirs, own = take_turns([best.round, ours.round], 2 if quick else 5)
    record(
        Row(
            f"overhead/{name}",
            f"training {case.title}, batch {case.batch_size}",
            spread(own).median,
            "images/s",
            f"bare Keras ({best.name}): {spread(theirs).median:,.0f} images/s",
            paired(own, theirs),
            Target("ratio", at_least=LEAST[name]),
        )
    )
