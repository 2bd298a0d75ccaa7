-- Note what came of an attempt to send an event.
-- USES webhook_bury, webhook_lanes
-- KEYS state, lanes, order, due, numbers, waiting, dead
-- ARGV number
-- ARGV outcome: delivered, again, or dead
-- ARGV now: milliseconds since 1970
-- ARGV at: if it is sent again, when, in milliseconds since 1970
-- ARGV rest: what is kept of it from now on, below its paths
-- ARGV attempt: as JSON, for people
-- ARGV rests_until: milliseconds since 1970; until then nothing is sent, '' for no such time
-- ARGV gone: when the receiver has said that it is gone, '' if it has not
-- ARGV dead_max: dead letters that are kept
-- Returns 1 if it was still waiting
if redis.call('EXISTS', state) == 0 then
  return 0  -- The webhook was deleted meanwhile.
end
redis.call('HSET', state, outcome == 'delivered' and 'success' or 'failure', attempt)
if rests_until ~= '' then
  redis.call('HSET', state, 'rests_until', rests_until)
end
if gone ~= '' then
  redis.call('HSET', state, 'gone', gone)
end
local value = redis.call('HGET', waiting, number)
if not value then
  return 0
end
local held = webhook_lanes(lanes, order, due, numbers, waiting)
if outcome == 'again' then
  redis.call('HSET', waiting, number, held.paths_of(value) .. '\n' .. rest)
  local lane = held.lane_of_value(value)
  if held.first(lane) == number then
    redis.call('ZADD', due, at, lane)
  end
  return 1
end
held.leave(number, value, now)
if outcome == 'dead' then
  webhook_bury(dead, state, dead_max, held.paths_of(value) .. '\n' .. rest)
end
return 1
