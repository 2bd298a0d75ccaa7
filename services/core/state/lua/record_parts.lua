-- Add stored parts to a resumable upload, and move its offset on, in one step.
-- USES is_writable
-- KEYS uploads, upload, parts, lease
-- ARGV id, token
-- ARGV before: the offset so far
-- ARGV after: the offset with these parts
-- ARGV sizes: the bytes of each storage key, as JSON; 0 for a part whose bytes are in another one now
-- Returns 1, or 0 if this run may not write to the upload any more
if not is_writable(uploads, lease, id, token) then
  return 0
end
local offset = redis.call('HGET', upload, 'offset')
if offset == after then
  return 1  -- It was sent twice, because the answer was lost.
end
if offset ~= before then
  return 0
end
for storage_key, size in pairs(cjson.decode(sizes)) do
  redis.call('HSET', parts, storage_key, size)
end
redis.call('HSET', upload, 'offset', after)
return 1
