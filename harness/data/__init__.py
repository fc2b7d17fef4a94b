"""Data: sources, randomizations, augmentation, and the batches made of them."""
