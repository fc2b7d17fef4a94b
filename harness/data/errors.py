"""What goes wrong with data. Imports neither TensorFlow nor NumPy."""

from harness.errors import HarnessError


class DataError(HarnessError):
    """Data are missing, damaged, or do not fit what is asked of them; the text says which and
    how.
    """
