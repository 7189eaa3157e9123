"""What Hygeia costs and holds, measured in one run: ``make bench`` writes docs/benchmarks.md."""
