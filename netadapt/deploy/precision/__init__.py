"""Exported networks in fewer bits: which precisions there are, and what each costs the task."""
