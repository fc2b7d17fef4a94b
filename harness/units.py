"""Numbers with the digits they deserve: percent, points, counts and plain ratios."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from harness.expression import Expression, ExpressionError, Number, Operation, Reference, parse
from harness.final_metrics import measurement_of

NOTHING = "–"  # noqa: RUF001 - an en dash is meant

_LARGE = 1e15
"""From here on numbers are shown in scientific notation, whatever their unit is."""


@dataclass(frozen=True)
class Scale:
    """How a quantity is shown: multiplied by `factor`, with at most `decimals`, before `unit`."""

    factor: float = 1.0
    unit: str = ""
    decimals: int | None = None


PLAIN = Scale()
PERCENT = Scale(100.0, "%", 2)
POINTS = Scale(100.0, " points", 2)


def scale_of(metric: str) -> Scale:
    """Return the scale of a metric expression, or of a metric's bare name.

    Sums and multiples of shares (accuracies) are percent; where adding the same amount to every
    share changes nothing, as in a difference, they are percentage points. Sums and multiples of
    counts are counts. Everything else, such as a ratio, is a plain number.
    """
    measurement = measurement_of(metric)
    if measurement is not None:
        return _scale_of_unit(measurement.unit, 1.0)
    try:
        return _scale_of_unit(*_unit_and_weight(parse(metric)))
    except (ExpressionError, ZeroDivisionError):
        return PLAIN


def scale_of_difference(scale: Scale) -> Scale:
    """Return the scale of the difference of two quantities of a scale: of percentages, points."""
    return POINTS if scale is PERCENT else scale


def _scale_of_unit(unit: str | None, weight: float) -> Scale:
    if unit == "points":  # a difference of two shares
        return POINTS
    if unit == "fraction":
        return POINTS if math.isclose(weight, 0.0, abs_tol=1e-9) else PERCENT
    return Scale(1.0, f" {unit}", 0) if unit in ("epochs", "steps") else PLAIN


def _unit_and_weight(expression: Expression) -> tuple[str | None, float]:
    """Return the unit of a linear expression and how much it grows when each reference grows by 1.

    A constant has the unit "" and the weight 0; what is not linear in one unit has the unit None.
    """
    if isinstance(expression, Number):
        return "", 0.0
    if isinstance(expression, Reference):
        measurement = measurement_of(expression.metric)
        return (measurement.unit or None) if measurement is not None else None, 1.0
    return _of_operation(expression)


def _of_operation(operation: Operation) -> tuple[str | None, float]:
    (left, grows), (right, by) = _unit_and_weight(operation.left), _unit_and_weight(operation.right)
    if operation.symbol in "+-":
        unit = left or right if left in (right, "") or right == "" else None
        return unit, grows + by if operation.symbol == "+" else grows - by
    if operation.symbol == "*" and isinstance(operation.left, Number):
        return right, operation.left.value * by
    if isinstance(operation.right, Number):
        constant = operation.right.value
        return left, grows * constant if operation.symbol == "*" else grows / constant
    return None, 0.0


def number(value: float | None, scale: Scale = PLAIN) -> str:
    """Return a value with its unit, or a dash for None."""
    return measured(value, None, scale)


def measured(mean: float | None, deviation: float | None, scale: Scale = PLAIN) -> str:
    """Return "mean ± deviation unit", both with the digits that the deviation allows."""
    if mean is None:
        return NOTHING
    if not math.isfinite(mean):
        return str(mean)
    decimals = digits(mean, deviation, scale)
    spread = "" if deviation is None else f" ± {_fixed(deviation, decimals, scale)}"
    return f"{_shown(mean, decimals, scale)}{spread}{scale.unit}"


def found(mean: float | None, deviation: float | None, median: float | None, scale: Scale) -> str:
    """Return what was measured: "96.4 ± 0.3%", after the median where that is what counts."""
    shown = measured(mean, deviation, scale)
    return shown if median is None else f"median {number(median, scale)}, mean {shown}"


def limits(
    interval: tuple[float | None, float | None],
    mean: float | None,
    deviation: float | None,
    scale: Scale,
) -> str:
    """Return "lower to upper unit" with the digits of the mean, or a dash."""
    lower, upper = interval
    if lower is None or upper is None or mean is None:
        return NOTHING
    decimals = digits(mean, deviation, scale)
    return f"{_shown(lower, decimals, scale)} to {_shown(upper, decimals, scale)}{scale.unit}"


def bounds(lower: float | None, upper: float | None, scale: Scale = PLAIN) -> str:
    """Return the bounds in words: "at least 1 point"."""
    if lower is not None and upper is not None:
        if lower == upper:
            return f"exactly {bound(lower, scale)}"
        first = bound(lower, scale) if scale.unit == "%" else _exact(lower, scale)
        return f"between {first} and {_exact(upper, scale)}{scale.unit}"
    if lower is not None:
        return f"at least {bound(lower, scale)}"
    return f"at most {bound(upper, scale)}" if upper is not None else "any finite number"


def bound(value: float, scale: Scale) -> str:
    """Return a bound with all of its digits."""
    shown = _exact(value, scale)
    return f"{shown}{scale.unit.removesuffix('s') if shown == '1' else scale.unit}"


def digits(mean: float, deviation: float | None, scale: Scale) -> int | None:
    """Return how many decimals to show; None for scientific notation.

    Two significant digits of the deviation, but not more than three of a plain number's mean;
    without a deviation as many as the scale allows, or three significant digits of the mean.
    """
    mean, deviation = abs(mean) * scale.factor, abs(deviation or 0.0) * scale.factor
    if max(mean, deviation) >= _LARGE or (
        scale.decimals is None and 0.0 < max(mean, deviation) < 1e-3
    ):
        return None
    if deviation > 0.0:
        wanted = 1 - math.floor(math.log10(deviation))
        if scale.decimals is None and mean > deviation:
            wanted = min(wanted, 2 - math.floor(math.log10(mean)))
    elif scale.decimals is not None:
        wanted = scale.decimals
    else:
        wanted = 2 - math.floor(math.log10(mean)) if mean > 0.0 else 0
    return min(max(wanted, 0), 4 if scale.decimals is None else scale.decimals)


def _shown(value: float, decimals: int | None, scale: Scale) -> str:
    if (
        scale is PERCENT
        and value < 1.0
        and decimals is not None
        and round(100.0 * value, decimals) == 100.0
    ):
        # A share that is not all must not read as all.
        return f">{100.0 - 10.0**-decimals:,.{decimals}f}"
    return _fixed(value, decimals, scale)


def _fixed(value: float, decimals: int | None, scale: Scale) -> str:
    scaled = value * scale.factor
    if math.isinf(scaled) and math.isfinite(value):
        return f"{Decimal(value) * Decimal(scale.factor):.2e}"
    form = ".2e" if decimals is None or abs(scaled) >= _LARGE else f",.{decimals}f"
    text = f"{scaled:{form}}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0.0 else text


def _exact(value: float, scale: Scale) -> str:
    scaled = Decimal(repr(float(value))) * Decimal(scale.factor)  # as it is written, so 7% of 0.07
    if scaled == scaled.to_integral_value() and abs(scaled) < 10**10:
        return f"{abs(scaled) if scaled == 0 else scaled:,.0f}"
    shown = float(scaled)
    return repr(shown).removesuffix(".0") if math.isfinite(shown) else f"{scaled.normalize():e}"
