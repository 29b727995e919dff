"""What the service costs, beside others that do the same: ``scripts/bench`` runs :mod:`benchmarks.suite`."""
