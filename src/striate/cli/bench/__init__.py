"""``striate bench``: striate beside its peers, on this machine.

One module for each job: `commands` say what can be asked, `job` runs it. A `case` is a network on
an input; `layers` and `networks` list them. `peers` run them with other engines, `measure` checks
and times one case in `turns`, `machine` says on what, `report` prints and writes. `starts` measures
new processes, `profiles` the parts of a network. `filters` and `training` are rooms of their own.
"""
