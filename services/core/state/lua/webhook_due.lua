-- Look up what is to be sent to a webhook: the first events of lanes.
-- USES webhook_lanes
-- KEYS lanes, order, due, numbers, waiting
-- ARGV now: milliseconds since 1970
-- ARGV count: events, at most
-- Returns for each what is kept of it, and at the end when the next lane after now is due, '' for none
local held = webhook_lanes(lanes, order, due, numbers, waiting)
local found = {}
for at, lane in ipairs(redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, count)) do
  found[at] = redis.call('HGET', waiting, held.first(lane))
end
local later = redis.call('ZRANGE', due, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
found[#found + 1] = later[2] or ''
return found
