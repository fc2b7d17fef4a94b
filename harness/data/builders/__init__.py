"""TFDS builders of the datasets that are made here."""
