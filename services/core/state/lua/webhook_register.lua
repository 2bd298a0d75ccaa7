-- Add a webhook. It gets the events after the last change that there is now.
-- KEYS webhooks, state, changes
-- ARGV id
-- ARGV record
-- ARGV most: webhooks that there may be
-- Returns 1, or 0 if there are too many
if redis.call('HEXISTS', webhooks, id) == 0 and redis.call('HLEN', webhooks) >= tonumber(most) then
  return 0
end
local last = redis.call('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
redis.call('HSET', webhooks, id, record)
redis.call('HSETNX', state, 'position', last and string.match(last[1], '^%d+') or '0')
return 1
