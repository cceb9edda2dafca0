"""What the experiments in this folder's parent share.

An experiment is a module beside this package with an `Experiment`, which says what is run, and a call of
`command.main`, which runs each setting with each seed, and shows tables and a picture at the end.
"""
