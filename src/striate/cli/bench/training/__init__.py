"""``striate bench training``: steps of training beside PyTorch.

`cases` says what is trained, `checking` whether both learn the same, `steps` times a step,
`memory` measures it in processes of its own, `passes` trains on one example at a time, `profiles`
says where a step's time goes; `job` runs them, `report` prints and writes, `markdown` too.
"""
