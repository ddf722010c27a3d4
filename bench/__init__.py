"""Benchmarks: what `pyeongpan bench` measures. Nothing in the product imports this package."""
