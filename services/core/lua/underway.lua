-- The answers that are on their way to a cache.
-- KEYS sending…
local time = redis.call('TIME')
local now = string.format('(%d.%06d', time[1], time[2])
local members = {}
for _, key in ipairs(KEYS) do
  for _, member in ipairs(redis.call('ZRANGE', key, now, '+inf', 'BYSCORE')) do
    members[#members + 1] = member
  end
end
return members
