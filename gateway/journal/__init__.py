"""The journal: the only way in (DESIGN 1 and 2). ``record`` has the byte format, docs/journal.md the life of a record.

``disk`` is the only module that writes to disk. ``writer`` appends with group commit: ``lanes`` says what is next,
``tail`` is the open end, ``watch`` looks at clock and free space, ``stats`` is what it tells. ``reader`` reads from an
offset, in this process or another; ``segment`` names and scans files; ``retention`` removes old ones; ``fsck`` checks
as a stranger.
"""
