-- Add an event to the dead letters of a webhook, and count those for which there is no room any more.
local function webhook_bury(dead, state, most, value)
  redis.call('XADD', dead, '*', 'value', value)
  local dropped = redis.call('XTRIM', dead, 'MAXLEN', most)
  if dropped > 0 then
    redis.call('HINCRBY', state, 'dropped', dropped)
  end
end
