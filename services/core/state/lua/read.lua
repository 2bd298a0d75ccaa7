#!lua flags=no-writes
-- Read entries by their keys, and of which revision of the catalog they are.
-- KEYS entries, revision
-- ARGV wanted...
-- Returns {revision, entries…}
local found = redis.call('HMGET', entries, unpack(wanted))
table.insert(found, 1, redis.call('GET', revision) or '0')
return found
