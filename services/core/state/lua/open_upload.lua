-- Open a resumable upload, if there is room for it.
-- KEYS uploads, lengths, upload
-- ARGV id
-- ARGV length: its bytes
-- ARGV ends_at: seconds since the epoch
-- ARGV stated: what the client has stated about it
-- ARGV room: bytes that all open uploads together may have
-- ARGV most: how many uploads may be open
-- Returns 'open'; 'room' or 'most' if that is exceeded
if redis.call('EXISTS', upload) == 1 then
  return 'open'  -- It was sent twice, because the answer was lost.
end
if redis.call('ZCARD', uploads) >= tonumber(most) then
  return 'most'
end
local reserved = tonumber(length)
for _, other in ipairs(redis.call('HVALS', lengths)) do
  reserved = reserved + tonumber(other)
end
if reserved > tonumber(room) then
  return 'room'
end
redis.call('HSET', lengths, id, length)
redis.call('ZADD', uploads, ends_at, id)
redis.call('HSET', upload, 'length', length, 'offset', 0, 'stated', stated, 'ends_at', ends_at)
return 'open'
