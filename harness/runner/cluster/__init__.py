"""Runs as tasks on a Ray cluster: what they need, the way there, what a worker does, what the
driver does.
"""
