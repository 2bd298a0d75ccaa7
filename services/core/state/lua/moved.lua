#!lua flags=no-writes
-- Read the entries of assets that were moved away, and of which revision of the catalog they are.
-- USES now_at
-- KEYS moved, order, entries, revision
-- ARGV wanted...: keys of the entries that the assets had where they were
-- Returns {revision, entries…}
local found = {redis.call('GET', revision) or '0'}
for at, name in ipairs(wanted) do
  found[at + 1] = now_at(moved, order, entries, name)
end
return found
