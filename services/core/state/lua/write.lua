-- Create, change or delete one entry, in one step with all consequences. Compare and set on the stored bytes: nothing
-- is written unless the entry is still the same as the writer read.
-- USES leave_reduction, log_change, sent_before
-- KEYS entries, order, expiry, uuids, sequence, revision, claims, changes, undescribed, reductions
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
-- ARGV keeps_reduction: 1 if the reduction of the entry's picture, if there is one, still shows it, else 0
-- ARGV unique_name
-- ARGV kind: that of the change, see changes.py
-- ARGV to_describe: 1 if the entry has another file, of which a worker finds out the facts, else 0
-- ARGV kept: changes that stay in the log
-- ARGV original_name: the path under which the upload is delivered
-- ARGV write: a unique token of this write
-- ARGV request_id, traceparent
-- Returns {'written', number of the change, storage key of the reduction that it leaves behind, '' for none},
--   {'conflict', '', ''} or {'unclaimed', '', ''}
local current = redis.call('HGET', entries, entry_key) or ''
if current ~= expected then
  local change = sent_before(changes, write)
  return change and {'written', change, ''} or {'conflict', '', ''}
end
if claimed ~= '' then
  -- A writer that was taken for dead has lost its claim and, with it, the stored bytes.
  if redis.call('HGET', claims, claimed) ~= claim then
    return {'unclaimed', '', ''}
  end
  redis.call('HDEL', claims, claimed)
end
if obsolete ~= '' then
  redis.call('HSET', claims, obsolete, 'obsolete ' .. entry_key .. ' ' .. current)
end
local left = ''
if keeps_reduction == '0' then
  left = leave_reduction(reductions, claims, entry_key)
end
if wanted == '' then
  redis.call('HDEL', entries, entry_key)
  redis.call('ZREM', order, entry_key)
else
  redis.call('HSET', entries, entry_key, wanted)
  if current == '' then
    redis.call('ZADD', order, redis.call('INCR', sequence), entry_key)
  end
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
return {'written', log_change(changes, revision, kept, 'kind', kind, 'uuid', uuid, 'unique_name', unique_name,
  'original_name', original_name, 'write', write, 'request_id', request_id, 'traceparent', traceparent), left}
