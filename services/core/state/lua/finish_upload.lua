-- Note which entry a resumable upload has become. It is closed then. Clients can still ask for it until its end.
-- KEYS uploads, upload
-- ARGV id, uuid
-- Returns 1, or 0 if the upload is gone
local ends_at = redis.call('HGET', upload, 'ends_at')
if not ends_at then
  return 0
end
redis.call('HSET', upload, 'uuid', uuid)
redis.call('EXPIREAT', upload, ends_at)
redis.call('ZADD', uploads, 'XX', 0, id)
return 1
