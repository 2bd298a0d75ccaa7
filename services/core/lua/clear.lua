-- Remove all entries at one instant. They are put aside: for whoever is reading them, and for their caches to be purged.
-- KEYS entries, order, expiry, revision, changes, generation
-- ARGV prefix of what is put aside, seconds for which it can be read, seconds for which its order is kept,
--      request id, traceparent
-- Returns {number of entries, change id ('' when there were none)}
local count = redis.call('HLEN', KEYS[1])
if count == 0 then
  return {0, ''}
end
local aside = ARGV[1] .. (redis.call('GET', KEYS[6]) or '0')
redis.call('SET', aside, 1, 'EX', ARGV[2])
redis.call('RENAME', KEYS[1], aside .. ':entries')
redis.call('RENAME', KEYS[2], aside .. ':order')
redis.call('EXPIRE', aside .. ':order', ARGV[3])
redis.call('UNLINK', KEYS[3])
local change = redis.call('XADD', KEYS[5], '*', 'removed', aside .. ':entries',
  'request_id', ARGV[4], 'traceparent', ARGV[5])
redis.call('SET', KEYS[4], change)
redis.call('SET', KEYS[6], change)
return {count, change}
