"""Tell what changed between two sets of results: numbers with significance, verdicts, settings."""
