-- Change a webhook, unless it is another than the one that was read.
-- KEYS webhooks, state
-- ARGV id
-- ARGV expected: the record that was read
-- ARGV wanted: the record that it gets
-- ARGV revived: 1 if it is to be tried again although its receiver has answered that it is gone or rests, else 0
-- Returns 1 if it was changed
local current = redis.call('HGET', webhooks, id)
if current ~= expected and current ~= wanted then
  return 0
end
redis.call('HSET', webhooks, id, wanted)
if revived == '1' then
  redis.call('HDEL', state, 'gone', 'rests_until')
end
return 1
