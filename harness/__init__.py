"""How it is measured: worker processes, clocks, sensors, statistics, records.

Nothing here knows a model or speech; `workloads` never imports this package, and this
package never imports `workloads`. The two meet in `benchmarks`.
"""
