"""The kinds of layers there are: one `OpSpec` a kind, in files by topic.

A record holds what a layer costs, how it is read from a trace and what torch computes for it. How
a runtime makes the built-in kinds is a table in that runtime's own folder.
"""
