"""The journal: the only way in (DESIGN 1 and 2). ``record`` has the byte format.

``disk`` is the only module that writes; ``writer`` appends with group commit; ``reader`` reads from an offset, in this
process or another; ``segment`` names and scans files; ``retention`` removes old ones; ``fsck`` checks as a stranger.
"""
