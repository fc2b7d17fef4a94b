"""What is measured of finished runs, from their predictions or from their weights.

A metric here is one function, a row in `harness.final_metrics` that names it, its entry in the
schema, and its test. It takes what is kept of a run, or of two, and gives a `Found`.
"""
