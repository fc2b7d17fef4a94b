"""What goes wrong with data. Imports neither TensorFlow nor NumPy."""

from harness.errors import HarnessError


class DataError(HarnessError):
    """Data that are missing, damaged, or do not fit a specification.

    The message is for the person who has to mend them.
    """
