-- Note that an answer is about to leave for a cache, and read the entries once more, in one step: either the answer was
-- made from what the catalog says now, and every purge that follows a change knows of it, or the reader sees the change.
-- KEYS entries, variants, sending
-- ARGV cache key, lifetime of the note s, answer id, time to send s, most keys, uuids…
-- Returns {1 when noted, else 0; entries…}; an answer that is not noted must not be cached
local cache_key, kept, answer, time_to_send, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = tonumber(redis.call('TIME')[1])
local result = {0}
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - kept)
if redis.call('ZSCORE', KEYS[2], cache_key) or redis.call('ZCARD', KEYS[2]) < most then
  redis.call('ZADD', KEYS[2], now, cache_key)
  redis.call('EXPIRE', KEYS[2], kept)
  -- What is on its way is gone before a Redis that died is back: it is kept in memory only, and costs no sync.
  redis.set_repl(redis.REPL_NONE)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  redis.call('ZADD', KEYS[3], now + time_to_send, answer .. ' ' .. cache_key)
  redis.call('EXPIRE', KEYS[3], time_to_send)
  result[1] = 1
end
for at = 6, #ARGV do
  result[#result + 1] = redis.call('HGET', KEYS[1], ARGV[at])
end
return result
