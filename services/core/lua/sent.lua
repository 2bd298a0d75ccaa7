-- An answer has left; it counts as on its way for a moment longer, until the cache has surely stored it.
-- KEYS sending   ARGV member, grace s
-- In memory only, as confirm.lua has noted it.
redis.set_repl(redis.REPL_NONE)
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] + time[2] / 1000000 + ARGV[2], ARGV[1])
