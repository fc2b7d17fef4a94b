"""Specifications as pytest collects them; `harness.pytest_plugin` is what pytest loads first."""
