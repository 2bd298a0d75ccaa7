"""A page of another application, in which people pick files of TADA."""
