-- Remove all entries at one instant. They are put aside for whoever is reading them.
-- KEYS entries, order, expiry, revision, changes, epoch
-- ARGV prefix of what is put aside, seconds for which it can be read, seconds for which it is kept,
--      changes that are kept, request id, traceparent
-- Needs log_change.lua before it.
-- Returns {number of entries, number of the change ('' when there were none)}
local count = redis.call('HLEN', KEYS[1])
if count == 0 then
  return {0, ''}
end
local aside = ARGV[1] .. (redis.call('GET', KEYS[6]) or '0')
redis.call('SET', aside, 1, 'EX', ARGV[2])
redis.call('RENAME', KEYS[1], aside .. ':entries')
redis.call('RENAME', KEYS[2], aside .. ':order')
redis.call('EXPIRE', aside .. ':entries', ARGV[3])
redis.call('EXPIRE', aside .. ':order', ARGV[3])
redis.call('UNLINK', KEYS[3])
local change = log_change(KEYS[5], KEYS[4], ARGV[4], 'kind', 'replaced', 'request_id', ARGV[5], 'traceparent', ARGV[6])
redis.call('SET', KEYS[6], change)
return {count, change}
