-- Forget keys that have been purged, but none that was noted so lately that its answer may still be on its way.
-- KEYS variants…   ARGV seconds since which a note is kept
local time = redis.call('TIME')[1] - ARGV[1]
for _, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', time)
end
