#!lua flags=no-writes
-- Read entries by uuid, and of which revision of the catalog they are.
-- KEYS entries, uuids, revision
-- ARGV wanted...: uuids in their one spelling, or entry keys
-- Returns {revision, entries…}
local entry_keys = redis.call('HMGET', uuids, unpack(wanted))
for at, uuid in ipairs(wanted) do
  entry_keys[at] = entry_keys[at] or uuid
end
local found = redis.call('HMGET', entries, unpack(entry_keys))
table.insert(found, 1, redis.call('GET', revision) or '0')
return found
