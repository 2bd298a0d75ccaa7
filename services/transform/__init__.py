"""The transform service: stateless libvips behind the cache tier, for the original, full and optimise paths."""
