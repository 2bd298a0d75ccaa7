-- Create, change or delete one entry, in one step with all consequences. Compare and set on the stored bytes: nothing
-- is written unless the entry is still the same as the writer read.
-- USES log_change, sent_before
-- KEYS entries, order, expiry, sequence, revision, claims, changes, undescribed
-- ARGV uuid
-- ARGV expected: the stored bytes that the writer has read, '' if there was no entry
-- ARGV wanted: the bytes to store, '' to delete the entry
-- ARGV expires: seconds since 1970, '' for never
-- ARGV claimed: the storage key that the writer has claimed, '' for none
-- ARGV claim: the value of that claim
-- ARGV obsolete: the storage key of the bytes that the change leaves behind, '' for none
-- ARGV unique_name
-- ARGV kind: that of the change, see changes.py
-- ARGV to_describe: 1 if facts about the picture are to be found out, else 0
-- ARGV kept: changes that stay in the log
-- ARGV original_name: the path under which the upload is delivered
-- ARGV write: a unique token of this write
-- ARGV request_id, traceparent
-- Returns {'written', number of the change} or {'conflict', ''} or {'unclaimed', ''}
local current = redis.call('HGET', entries, uuid) or ''
if current ~= expected then
  local change = sent_before(changes, write)
  return change and {'written', change} or {'conflict', ''}
end
if claimed ~= '' then
  -- A writer that was taken for dead has lost its claim and, with it, the stored bytes.
  if redis.call('HGET', claims, claimed) ~= claim then
    return {'unclaimed', ''}
  end
  redis.call('HDEL', claims, claimed)
end
if obsolete ~= '' then
  redis.call('HSET', claims, obsolete, 'obsolete ' .. uuid .. ' ' .. current)
end
if wanted == '' then
  redis.call('HDEL', entries, uuid)
  redis.call('ZREM', order, uuid)
else
  redis.call('HSET', entries, uuid, wanted)
  if current == '' then
    redis.call('ZADD', order, redis.call('INCR', sequence), uuid)
  end
end
if wanted == '' or expires == '' then
  redis.call('ZREM', expiry, uuid)
else
  redis.call('ZADD', expiry, expires, uuid)
end
if to_describe == '1' then
  redis.call('XADD', undescribed, '*', 'uuid', uuid)
end
return {'written', log_change(changes, revision, kept, 'kind', kind, 'uuid', uuid, 'unique_name', unique_name,
  'original_name', original_name, 'write', write, 'request_id', request_id, 'traceparent', traceparent)}
