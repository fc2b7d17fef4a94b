"""Early stopping, as a function of the history alone.

So a run that is resumed stops where the uninterrupted one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.experiment import EarlyStopping


def stalled(rule: EarlyStopping, history: Sequence[Mapping[str, float]]) -> bool:
    """Tell whether the metric has not improved by more than `min_delta` for `patience` epochs.

    Improvement is counted from the best value so far, as `keras.callbacks.EarlyStopping` does, the
    initial weights' (epoch 0) included. False for an empty history.
    """
    return bool(history) and history[-1]["epoch"] - _best(rule, history) >= rule.patience


def first_stall(rule: EarlyStopping, history: Sequence[Mapping[str, float]]) -> float:
    """Give the first epoch after whose measurement `stalled` can hold, by what is known so far."""
    return _best(rule, history) + rule.patience


def _best(rule: EarlyStopping, history: Sequence[Mapping[str, float]]) -> float:
    """Give the epoch of the best value so far."""
    sign = 1 if rule.mode == "max" else -1
    best, at = -float("inf"), 0.0
    for row in history:
        value = sign * row[rule.metric]
        if value - rule.min_delta > best:
            best, at = value, row["epoch"]
    return at
