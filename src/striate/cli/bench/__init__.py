"""``striate bench``: striate beside its peers, on this machine.

One module for each job: `commands` say what can be asked, `job` runs it. A `case` is a network on
an input; `layers` and `networks` list them. `peers` run them with other engines, `measure` checks
and times one case in `turns`, `limits` and `machine` say on what, `report` prints and writes.
`starts` measures new processes.
"""
