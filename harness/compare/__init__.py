"""What changed between two sets of results: numbers, with their significance, verdicts and
settings.
"""
