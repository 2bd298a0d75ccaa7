#!lua flags=no-writes
-- Read entries, and of which revision of the catalog they are.
-- KEYS entries, revision
-- ARGV uuids...
-- Returns {revision, entries…}
local found = redis.call('HMGET', entries, unpack(uuids))
table.insert(found, 1, redis.call('GET', revision) or '0')
return found
