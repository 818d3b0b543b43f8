"""``striate bench filters``: image filters beside OpenCV and others.

`cases` says what is filtered, `engines` who filters, `measure` checks and times one row, `job`
runs them all, `report` prints and writes.
"""
