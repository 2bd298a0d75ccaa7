-- Remove all entries at one instant. They are put aside under a key of their own, for their caches to be purged.
-- KEYS entries, order, expiry, revision, changes   ARGV prefix of that key
-- Returns {number of entries, change id ('' when there were none)}
local count = redis.call('HLEN', KEYS[1])
if count == 0 then
  return {0, ''}
end
local time = redis.call('TIME')
local aside = ARGV[1] .. time[1] .. string.format('%06d', time[2])
redis.call('RENAME', KEYS[1], aside)
redis.call('UNLINK', KEYS[2], KEYS[3])
local change = redis.call('XADD', KEYS[5], '*', 'removed', aside)
redis.call('SET', KEYS[4], change)
return {count, change}
