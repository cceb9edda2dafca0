"""Measurements of poolings beside others, for `tf-softpool bench` and for the repository's benchmarks."""
