"""Parts of one's own: functions that a specification calls, and names that other packages register.

They are found, checked and identified from their files, without importing them. Code of theirs runs
when a run is made, and no earlier.
"""
