"""`make bench`: each hot path beside its limit, in one run. docs/performance.md says how each is measured."""
