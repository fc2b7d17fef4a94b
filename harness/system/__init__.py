"""Where the harness meets the machine: files, streams, the terminal, the processor, and what is
installed.
"""
