"""Turn metrics into verdicts, with their limits, their statistics and when each was stated."""
