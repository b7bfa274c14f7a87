"""The NetAdapt loop: proposals, importance, selection, and the run's folder."""
