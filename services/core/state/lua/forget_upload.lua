-- Give back the room of a resumable upload that has been closed, and whose parts are not stored any more.
-- KEYS uploads, lengths, upload, parts
-- ARGV id
-- Returns 1, or 0 if it had been done before
if redis.call('HEXISTS', upload, 'uuid') == 0 then
  redis.call('DEL', upload)
end
redis.call('DEL', parts)
redis.call('HDEL', lengths, id)
return redis.call('ZREM', uploads, id)
