"""Why a target is missed, by the name of its row: the one part of the page that is written by hand."""

WHY: dict[str, str] = {
    "confusion/making": (
        "of about 43 microseconds an image, 30 go into selecting the 307 smallest of 3,072 keys and 12 into drawing "
        "the keys, 6 of them into Philox's random words. The original's loop visits only the 307 values it zeroes. "
        "A confusion set is made once a run: 50,000 images take two seconds."
    ),
}
