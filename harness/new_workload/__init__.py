"""`speechmark new-workload`: a workload to begin with, which runs as it is written."""
