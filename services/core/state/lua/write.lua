-- Create, change or delete one entry, in one step with all consequences. Compare and set on the stored bytes: nothing
-- is written unless the entry is still the same as the writer read.
-- USES counting, leave_reduction, log_change, old_addresses, retiring, sent_before
-- KEYS entries, order, expiry, uuids, sequence, revision, claims, changes, undescribed, reductions
-- KEYS retired, versions, trash, moved, old_paths, usage, counted
-- ARGV entry_key
-- ARGV uuid: the one that the entry shows
-- ARGV other_names: what it is found by besides its key, separated by spaces, unless another entry is found by it
-- ARGV by_path: the one of them that is the MD5 of its path; no other entry keeps it
-- ARGV expected: the stored bytes that the writer has read, '' if there was no entry
-- ARGV wanted: the bytes to store, '' to delete the entry
-- ARGV expires: seconds since 1970, '' for never
-- ARGV claimed: the storage key that the writer has claimed, '' for none
-- ARGV claim: the value of that claim
-- ARGV obsolete: the storage key of the bytes that the change leaves behind, '' for none
-- ARGV undo: what becomes of these bytes: 'version' or 'trash' if they are retired as that, '' if they are to be deleted
-- ARGV version: that of the entry that the writer has read
-- ARGV keep_versions: of an asset; older ones are let go
-- ARGV taken_back: the storage key of a retired object to which the entry refers from now on, '' for none
-- ARGV namespace
-- ARGV size: bytes of the file of the entry that the writer has read, 0 if there was none
-- ARGV new_size: bytes of the file of the entry to store, 0 to delete it
-- ARGV quota_bytes, quota_assets: what the namespace may have, '' for any number
-- ARGV keeps_reduction: 1 if the reduction of the entry's picture, if there is one, still shows it, else 0
-- ARGV unique_name
-- ARGV kind: that of the change, see changes.py
-- ARGV to_describe: 1 if the entry has another file, of which a worker finds out the facts, else 0
-- ARGV kept: changes that stay in the log
-- ARGV original_name: the path under which the upload is delivered
-- ARGV write: a unique token of this write
-- ARGV event: what it does, as assets/events.py writes it
-- ARGV request_id, traceparent, who
-- Returns {'written', number of the change, storage key of the reduction that it leaves behind, '' for none, entry key
--   and storage key of each retired object that it lets go…}, {'conflict', '', ''}, {'unclaimed', '', ''},
--   {'not retired', '', ''} or {'over quota', bytes and entries of the namespace, bytes that are needed}
local counts = counting(usage, counted)
local objects = retiring(retired, versions, trash, claims, counts)
local current = redis.call('HGET', entries, entry_key) or ''
if current ~= expected then
  local change = sent_before(changes, write)
  return change and {'written', change, ''} or {'conflict', '', ''}
end
if taken_back ~= '' and redis.call('HEXISTS', retired, taken_back) == 0 then
  return {'not retired', '', ''}
end
if wanted ~= '' and quota_bytes .. quota_assets ~= '' then
  local needed = new_size - objects.size_of(claimed) - objects.size_of(taken_back)
  if undo == '' then
    needed = needed - size
  end
  if obsolete ~= '' then
    local left = {}
    for _, storage_key in ipairs(objects.versions_of(entry_key)) do
      if storage_key ~= claimed and storage_key ~= taken_back then
        left[#left + 1] = storage_key
      end
    end
    for at = 1, #left + (undo == '' and 0 or 1) - keep_versions do
      needed = needed - objects.size_of(left[at])
    end
  end
  local bytes, assets = counts.used(namespace)
  local over_bytes = quota_bytes ~= '' and needed > 0 and bytes + needed > tonumber(quota_bytes)
  if over_bytes or current == '' and quota_assets ~= '' and assets >= tonumber(quota_assets) then
    return {'over quota', bytes, assets, needed}
  end
end
if claimed ~= '' then
  -- A writer that was taken for dead has lost its claim and, with it, the stored bytes.
  if redis.call('HGET', claims, claimed) ~= claim then
    return {'unclaimed', '', ''}
  end
  redis.call('HDEL', claims, claimed)
  objects.take_back(claimed)
end
if taken_back ~= '' then
  objects.take_back(taken_back)
end
if obsolete ~= '' and undo == '' then
  redis.call('HSET', claims, obsolete, 'obsolete ' .. entry_key .. ' ' .. current)
end
-- The public is led to the asset from where it was before: these answers depend on its entry, too.
local addresses, asset = old_addresses(moved, old_paths), redis.call('ZSCORE', order, entry_key)
local also = asset and addresses.paths(asset) or ''
local left = ''
if keeps_reduction == '0' then
  left = leave_reduction(reductions, claims, entry_key)
end
if wanted == '' then
  counts.change(asset, namespace, -size, -1)
  redis.call('HDEL', entries, entry_key)
  redis.call('ZREM', order, entry_key)
  if also ~= '' then
    addresses.forget(asset, math.huge)
  end
else
  redis.call('HSET', entries, entry_key, wanted)
  if current == '' then
    asset = redis.call('INCR', sequence)
    redis.call('ZADD', order, asset, entry_key)
    addresses.take(entry_key .. ' ' .. other_names)
  end
  counts.change(asset, namespace, new_size - size, current == '' and 1 or 0)
end
if wanted == '' or expires == '' then
  redis.call('ZREM', expiry, entry_key)
else
  redis.call('ZADD', expiry, expires, entry_key)
end
for name in string.gmatch(other_names, '%S+') do
  local owner = redis.call('HGET', uuids, name)
  if wanted == '' then
    if owner == entry_key then
      redis.call('HDEL', uuids, name)
    end
  elseif name == by_path or not owner or redis.call('HEXISTS', entries, owner) == 0 then
    redis.call('HSET', uuids, name, entry_key)
  end
end
if to_describe == '1' then
  redis.call('XADD', undescribed, '*', 'uuid', entry_key)
end
local told = {'kind', kind, 'uuid', uuid, 'unique_name', unique_name, 'original_name', original_name, 'write', write,
  'request_id', request_id, 'traceparent', traceparent, 'who', who, 'event', event}
if also ~= '' then
  told[#told + 1], told[#told + 2] = 'also', also
end
local number = log_change(changes, revision, kept, unpack(told))
local gone = {}
if undo == 'trash' then
  objects.regroup(entry_key, number)
  objects.retire(obsolete, number, number, version, entry_key, current)
elseif obsolete ~= '' then
  if undo == 'version' then
    objects.retire(obsolete, number, entry_key, version, entry_key, current)
  end
  -- Of a deleted asset nothing stays.
  local most = wanted == '' and 0 or tonumber(keep_versions)
  local found = objects.versions_of(entry_key)
  for at = 1, #found - most do
    gone[at] = objects.let_go(found[at])
  end
end
return {'written', number, left, unpack(gone)}
