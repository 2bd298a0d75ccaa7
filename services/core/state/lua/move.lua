-- Give the entry of an asset another path, in one step with all consequences. Compare and set on the stored bytes, as in
-- write.lua.
-- USES counting, leave_reduction, log_change, old_addresses, retiring, sent_before
-- KEYS entries, order, expiry, uuids, revision, claims, changes, undescribed, reductions, retired, versions, trash
-- KEYS moved, old_paths, usage, counted
-- ARGV entry_key, uuid, other_names, unique_name, original_name, obsolete: of the entry that the writer has read; the last
--   is the storage key of its bytes
-- ARGV expected: its stored bytes
-- ARGV new_key, new_uuid, new_names, new_name, by_path: the same of the entry at its new path; by_path as in write.lua
-- ARGV wanted: the bytes to store
-- ARGV namespace: that of both paths
-- ARGV growth: bytes that the file at the new path has more
-- ARGV expires: seconds since 1970, '' for never
-- ARGV claimed: the storage key that the writer has claimed
-- ARGV claim: the value of that claim
-- ARGV kept: changes that stay in the log
-- ARGV write: a unique token of this write
-- ARGV event: what it does, as assets/events.py writes it
-- ARGV request_id, traceparent, who
-- Returns {'moved', number of the change, storage key of the reduction that it leaves behind, '' for none},
--   {'conflict', '', ''}, {'taken', '', ''} or {'unclaimed', '', ''}
if (redis.call('HGET', entries, entry_key) or '') ~= expected then
  local change = sent_before(changes, write)
  return change and {'moved', change, ''} or {'conflict', '', ''}
end
if redis.call('HEXISTS', entries, new_key) == 1 then
  return {'taken', '', ''}
end
if redis.call('HGET', claims, claimed) ~= claim then
  return {'unclaimed', '', ''}
end
local counts = counting(usage, counted)
local objects = retiring(retired, versions, trash, claims, counts)
local addresses = old_addresses(moved, old_paths)
redis.call('HDEL', claims, claimed)
objects.forget(claimed)
redis.call('HSET', claims, obsolete, 'obsolete ' .. entry_key .. ' ' .. expected)
local left = leave_reduction(reductions, claims, entry_key)
objects.regroup(entry_key, new_key)

redis.call('HDEL', entries, entry_key)
redis.call('HSET', entries, new_key, wanted)
local asset = redis.call('ZSCORE', order, entry_key)
redis.call('ZREM', order, entry_key)
redis.call('ZADD', order, asset, new_key)
counts.change(asset, namespace, growth, 0)
redis.call('ZREM', expiry, entry_key)
if expires ~= '' then
  redis.call('ZADD', expiry, expires, new_key)
end
local old_names = {entry_key}
for name in string.gmatch(other_names, '%S+') do
  if redis.call('HGET', uuids, name) == entry_key then
    redis.call('HDEL', uuids, name)
    old_names[#old_names + 1] = name
  end
end
for name in string.gmatch(new_names, '%S+') do
  local owner = redis.call('HGET', uuids, name)
  if name == by_path or not owner or redis.call('HEXISTS', entries, owner) == 0 then
    redis.call('HSET', uuids, name, new_key)
  end
end
redis.call('XADD', undescribed, '*', 'uuid', new_key)

-- The public is led elsewhere from all paths at which the asset has been: their answers are made again. For the gateway
-- these are two changes. Clients are told of one, the second: the first has an empty event.
local gone = {'kind', 'deleted', 'uuid', uuid, 'unique_name', unique_name, 'original_name', original_name,
  'request_id', request_id, 'traceparent', traceparent, 'who', who, 'event', ''}
local also = addresses.paths(asset)
if also ~= '' then
  gone[#gone + 1], gone[#gone + 2] = 'also', also
end
local number = log_change(changes, revision, kept, unpack(gone))
addresses.leave(asset, number, unique_name, table.concat(old_names, ' '), new_name)
addresses.take(new_key .. ' ' .. new_names)
number = log_change(changes, revision, kept, 'kind', 'written', 'uuid', new_uuid, 'unique_name', new_name, 'write', write,
  'request_id', request_id, 'traceparent', traceparent, 'who', who, 'event', event)
return {'moved', number, left}
