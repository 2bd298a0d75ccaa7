-- Forget the old paths of an asset that it left before the change with a number.
-- USES old_addresses
-- KEYS moved, old_paths
-- ARGV asset: its creation number
-- ARGV before
-- Returns how many there were
return old_addresses(moved, old_paths).forget(asset, tonumber(before))
