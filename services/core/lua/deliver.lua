-- Read the entries a public path may mean and, when the answer may be cached, note under which key and
-- that it is on its way. Noting comes with the read, in one step: a purge that follows a change sees every
-- answer that was made from what the catalog said before the change.
-- KEYS entries, variants, sending
-- ARGV cache key ('' not cached), variants lifetime s, answer id ('' not yet on its way), lifetime s, uuids…
local cache_key, answer = ARGV[1], ARGV[3]
if cache_key ~= '' then
  redis.call('SADD', KEYS[2], cache_key)
  redis.call('EXPIRE', KEYS[2], ARGV[2], 'NX')
  redis.call('EXPIRE', KEYS[2], ARGV[2], 'GT')
  if answer ~= '' then
    local now = redis.call('TIME')[1]
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
    redis.call('ZADD', KEYS[3], now + ARGV[4], answer .. ' ' .. cache_key)
    redis.call('EXPIRE', KEYS[3], ARGV[4])
  end
end
local entries = {}
for at = 5, #ARGV do
  entries[#entries + 1] = redis.call('HGET', KEYS[1], ARGV[at])
end
return entries
