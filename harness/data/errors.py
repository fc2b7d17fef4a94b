"""What goes wrong with data. Imports neither TensorFlow nor NumPy."""


class DataError(Exception):
    """Data are missing, damaged, or do not fit what is asked of them; the text says which and
    how.
    """
