"""The fault script: what a bank, a wire, a user and a kill can do to a link, in random order from a seed. See tests/test_faults.py."""
