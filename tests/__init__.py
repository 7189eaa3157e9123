"""Tests of Hygeia."""
