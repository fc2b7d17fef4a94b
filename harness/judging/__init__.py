"""From measurements to verdicts, each with its limits, its statistics and when it was stated."""
