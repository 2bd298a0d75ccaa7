#!lua flags=no-writes
-- Read entries by uuid, of which revision of the catalog they are, and for which addresses the caches have its pages.
-- An asset that was moved is also found by what it was found by before, as long as no other one is.
-- USES now_at
-- KEYS entries, uuids, revision, addresses, moved, order
-- ARGV wanted...: uuids in their one spelling, or entry keys: the key of an entry is nothing else
-- Returns {revision and addresses, entries…}
local entry_keys = redis.call('HMGET', uuids, unpack(wanted))
for at, uuid in ipairs(wanted) do
  if not entry_keys[at] or redis.call('HEXISTS', entries, uuid) == 1 then
    entry_keys[at] = uuid
  end
end
local found = redis.call('HMGET', entries, unpack(entry_keys))
for at, uuid in ipairs(wanted) do
  found[at] = found[at] or now_at(moved, order, entries, uuid)
end
table.insert(found, 1, (redis.call('GET', revision) or '0') .. ' ' .. (redis.call('GET', addresses) or ''))
return found
