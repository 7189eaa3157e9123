"""Codecs: bytes of one message and a plan in, readings out. Pure, and no input makes one raise.

A codec is a module with ``decode(payload: bytes, plan: Plan, received_at: int) -> Decoded``;
tests/contract/test_codecs.py holds every one of them to the same promises.
"""
