"""Where the harness meets the machine: files, streams, terminal, processor, software."""
