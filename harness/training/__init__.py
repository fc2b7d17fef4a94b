"""How weights move: losses, optimizers, schedules, the training loop, and what it measures."""
