#!lua flags=no-writes
-- Read entries by their keys, what is known of their reductions, and of which revision of the catalog they are.
-- KEYS entries, reductions, revision
-- ARGV wanted...
-- Returns {revision, entries…, reductions…}
local found = redis.call('HMGET', entries, unpack(wanted))
for at, reduction in ipairs(redis.call('HMGET', reductions, unpack(wanted))) do
  found[#wanted + at] = reduction
end
table.insert(found, 1, redis.call('GET', revision) or '0')
return found
