-- The receiver of a webhook answers again, or is to be tried: send everything that waits for a later attempt now.
-- KEYS due
-- ARGV now: milliseconds since 1970
-- Returns how many lanes that are
local later = redis.call('ZRANGE', due, '(' .. now, '+inf', 'BYSCORE')
for _, lane in ipairs(later) do
  redis.call('ZADD', due, now, lane)
end
return #later
