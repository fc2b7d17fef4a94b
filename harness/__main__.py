"""`python -m harness`."""

from harness.cli import start

if __name__ == "__main__":
    start("python -m harness")
