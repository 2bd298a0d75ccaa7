"""The whole system on one machine: what its processes are, and how `make run` and the tests start them."""
