"""Runs as tasks on a Ray cluster: what they need, the way there, the worker and the driver."""
