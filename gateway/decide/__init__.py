"""Decide: from the journal to fates, alerts and what is to be told, in one transaction a batch.

``fold`` is pure: one record after the other goes in, ``Outputs`` come out. ``commit`` writes the outputs with the
cursor, ``snapshot`` keeps what changes with every reading, ``decider`` is the thread that joins them, ``replay`` proves
that the same journal gives the same outputs.
"""
