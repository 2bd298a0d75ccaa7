-- Take events from the log for a webhook, unless another worker has taken them.
-- USES webhook_bury, webhook_lanes
-- KEYS state, lanes, order, due, numbers, waiting, dead
-- ARGV expected: the position after which the events are
-- ARGV position: that after them
-- ARGV now: milliseconds since 1970
-- ARGV dead_max: dead letters that are kept
-- ARGV events: as JSON, for each its number, its paths, the rest of what is kept, and whether it is a dead letter
-- Returns 1 if they were taken
if redis.call('HGET', state, 'position') ~= expected then
  return 0
end
local held = webhook_lanes(lanes, order, due, numbers, waiting)
for _, event in ipairs(cjson.decode(events)) do
  local number, paths, rest, is_dead = unpack(event)
  if is_dead then
    webhook_bury(dead, state, dead_max, paths .. '\n' .. rest)
  else
    held.enter(number, paths, rest, now)
  end
end
redis.call('HSET', state, 'position', position)
return 1
