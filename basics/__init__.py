"""What `harness` and `workloads` both need, which never import each other."""
